use std::fmt::{Display, Formatter, Result, Write};

/// A text as the content of an element or a quoted attribute of HTML: `<` becomes `&lt;`.
#[derive(Clone, Copy, Debug)]
pub struct HtmlText<'a>(pub &'a str);

impl Display for HtmlText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.chars().try_for_each(|c| match c {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\'' => f.write_str("&#39;"),
            c => f.write_char(c),
        })
    }
}
