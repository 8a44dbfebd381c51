//! Accounts: registering, signing in and out, the second factor, the links by mail, the page of one's own account, tokens for programs.

mod links;
mod own;
mod second_factor;
mod sign_in;
mod tokens;

use foobar::web;

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .service(web::resource(SIGN_IN).get(sign_in::page).post(sign_in::sign_in))
        .service(web::resource("/register").get(sign_in::register_page).post(sign_in::register))
        .service(web::resource("/sign-out").post(sign_in::sign_out))
        .service(web::resource("/confirm").get(links::confirm_page).post(links::confirm))
        .service(web::resource("/forgot-password").get(links::forgot_page).post(links::forgot))
        .service(web::resource("/reset-password").get(links::reset_page).post(links::reset))
        .service(web::resource(ACCOUNT).get(own::page))
        .service(web::resource("/account/confirmation").post(own::send_confirmation))
        .service(web::resource("/account/password").post(own::change_password))
        .service(web::resource("/account/sign-out-everywhere").post(own::sign_out_everywhere))
        .service(web::resource(CODE).get(second_factor::code_page).post(second_factor::code))
        .service(web::resource(SECOND_FACTOR).get(second_factor::page).post(second_factor::begin))
        .service(web::resource("/account/second-factor/on").post(second_factor::turn_on))
        .service(web::resource("/account/second-factor/off").post(second_factor::turn_off))
        .service(web::resource("/account/second-factor/codes").post(second_factor::renew_codes))
        .service(web::resource(TOKENS).get(tokens::page).post(tokens::create))
        .service(web::resource("/account/tokens/revoke").post(tokens::revoke_all))
        .service(web::resource("/account/tokens/{id:[1-9][0-9]{0,17}}/revoke").post(tokens::revoke));
}

/// Where people are led who have to sign in first.
pub(crate) const SIGN_IN: &str = "/sign-in";
const ACCOUNT: &str = "/account";
const CODE: &str = "/code";
const SECOND_FACTOR: &str = "/account/second-factor";
const TOKENS: &str = "/account/tokens";

/// What stands in a link by mail for the token.
fn link(origin: &str, path: &str) -> String {
    format!("{origin}{path}?token={{}}")
}
