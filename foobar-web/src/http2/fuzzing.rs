use super::frame_meter;

/// Follows the frames of a client in the bytes that are read.
pub struct FrameMeter(frame_meter::FrameMeter);

impl FrameMeter {
    /// One that has read nothing.
    pub const fn new() -> Self {
        Self(frame_meter::FrameMeter::new())
    }

    /// Follows these bytes, which come next; gives how many control frames have begun in them.
    pub fn read(&mut self, bytes: &[u8]) -> u32 {
        self.0.read(bytes);
        self.0.take_control_frames()
    }

    /// Whether the preface or a header block has begun and not ended.
    pub const fn is_in_head(&self) -> bool {
        self.0.is_in_head()
    }
}
