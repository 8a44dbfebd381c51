use foobar_core::Disposition;

use super::rules::Values;

/// Values of `Content-Disposition`; the file's name is added to them.
pub(crate) const VALUES: Values<Disposition> = Values {
    accepted: "\"attachment\", \"inline\" or \"off\"",
    parse: |value| match value {
        "attachment" => Some(Disposition::Attachment),
        "inline" => Some(Disposition::Inline),
        _ => None,
    },
};
