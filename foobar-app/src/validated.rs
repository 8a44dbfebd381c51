use garde::Validate;
use serde::de::DeserializeOwned;

/// What [`Form`](crate::Form) and [`Json`](crate::Json) read: any type with
/// `#[derive(serde::Deserialize, garde::Validate)]`.
///
/// serde makes the value, and the rules of [garde](https://docs.rs/garde) are asked about it. A field without a rule has
/// `#[garde(skip)]`; where no field has one, `#[garde(allow_unvalidated)]` above the type says so once.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a form or from JSON",
    label = "not `Deserialize`, or not `Validate`",
    note = "give it `#[derive(serde::Deserialize, garde::Validate)]`, and each field a rule or `#[garde(skip)]`",
    note = "both derives need their crates in your `Cargo.toml`: `serde` and `garde`, each with its feature `derive`",
    note = "JSON without rules is read by `foobar::web::Json`, and a form by `foobar::web::Form`"
)]
pub trait Validated: DeserializeOwned + Validate<Context: Default> {}

#[diagnostic::do_not_recommend] // else the compiler tells of serde's and garde's traits alone
impl<T: DeserializeOwned + Validate<Context: Default>> Validated for T {}
