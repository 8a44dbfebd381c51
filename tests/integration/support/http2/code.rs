/// Why a stream or a connection is ended (RFC 9113 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    NoError,
    ProtocolError,
    InternalError,
    FlowControlError,
    SettingsTimeout,
    StreamClosed,
    FrameSizeError,
    RefusedStream,
    Cancel,
    CompressionError,
    ConnectError,
    EnhanceYourCalm,
    InadequateSecurity,
    Http11Required,
}

const ALL: [Code; 14] = [
    Code::NoError,
    Code::ProtocolError,
    Code::InternalError,
    Code::FlowControlError,
    Code::SettingsTimeout,
    Code::StreamClosed,
    Code::FrameSizeError,
    Code::RefusedStream,
    Code::Cancel,
    Code::CompressionError,
    Code::ConnectError,
    Code::EnhanceYourCalm,
    Code::InadequateSecurity,
    Code::Http11Required,
];

impl Code {
    /// The code that a server has sent.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let number = u32::from_be_bytes(bytes.try_into().expect("a code of four bytes"));
        *ALL.get(number as usize).unwrap_or_else(|| panic!("a code that RFC 9113 knows: {number}"))
    }
}
