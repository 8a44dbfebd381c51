//! What is inside the program is put there again when it has changed.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
