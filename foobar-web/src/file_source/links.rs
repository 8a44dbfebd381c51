use foobar_core::config::choice;

choice! {
    /// Which symbolic links are followed.
    pub enum Links {
        /// Those that stay in the folder.
        Inside = "inside",
        /// All, wherever they lead.
        Any = "any",
        /// None.
        Off = "off",
    }
}
