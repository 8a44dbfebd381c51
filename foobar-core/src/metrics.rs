use std::fmt::{Display, Write};

/// The figures of one scrape, written in the Prometheus text format 0.0.4.
///
/// Samples of one name belong together: add them one after the other.
#[derive(Debug, Default)]
pub struct Metrics {
    text: String,
    last: String,
}

impl Metrics {
    /// A figure that only grows; `name` ends in `_total`.
    pub fn counter(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Display) {
        self.sample("counter", name, help, labels, &value);
    }

    /// A figure that grows and shrinks.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[(&str, &str)], value: impl Display) {
        self.sample("gauge", name, help, labels, &value);
    }

    /// The text of the scrape.
    pub fn into_text(self) -> String {
        self.text
    }

    fn sample(&mut self, kind: &str, name: &str, help: &str, labels: &[(&str, &str)], value: &dyn Display) {
        if self.last != name {
            self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
            name.clone_into(&mut self.last);
        }
        self.text.push_str(name);
        for (position, (label, text)) in labels.iter().enumerate() {
            self.text.push(if position == 0 { '{' } else { ',' });
            self.push(format_args!("{label}=\"{}\"", escape(text)));
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        self.push(format_args!(" {value}\n"));
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("writing to a String cannot fail");
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_name_share_one_help_line_and_labels_are_escaped() {
        let mut metrics = Metrics::default();
        metrics.counter("a_total", "Things.", &[("kind", "x\"y")], 1);
        metrics.counter("a_total", "Things.", &[("kind", "z")], 2);
        metrics.gauge("b", "Others.", &[], 0.5);
        assert_eq!(
            metrics.into_text(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{kind=\"x\\\"y\"} 1\na_total{kind=\"z\"} 2\n\
             # HELP b Others.\n# TYPE b gauge\nb 0.5\n"
        );
    }
}
