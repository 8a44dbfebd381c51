use serde::Deserialize;

/// Which symbolic links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Links {
    /// Those that stay in the folder.
    Inside,
    /// All, wherever they lead.
    Any,
    /// None.
    Off,
}

impl TryFrom<String> for Links {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        match name.as_str() {
            "inside" => Ok(Self::Inside),
            "any" => Ok(Self::Any),
            "off" => Ok(Self::Off),
            _ => Err("write \"inside\", \"any\" or \"off\""),
        }
    }
}
