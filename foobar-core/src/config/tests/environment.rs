//! Which names variables mean.

use std::collections::BTreeMap;

use super::{Site, load, message};

/// The sites and their roots.
fn sites(text: &str, variables: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    let config = load(text, variables).unwrap_or_else(|error| panic!("{error}"));
    let sites: BTreeMap<String, Site> = config.at("sites").expect("the sites are good");
    let root = |site: Site| site.root.map(|root| root.display().to_string());
    sites.into_iter().map(|(name, site)| (name, root(site))).collect()
}

fn site(name: &str, root: &str) -> (String, Option<String>) {
    (name.to_owned(), Some(root.to_owned()))
}

#[test]
fn a_variable_finds_a_site_by_its_name_whatever_its_capitals() {
    let variable = [("FOOBAR__SITES__WWW__ROOT", "x")];
    for name in ["WWW", "www", "Www"] {
        assert_eq!(sites(&format!("[sites.{name}]\n"), &variable), [site(name, "x")]);
    }
    assert_eq!(sites("[sites.MyShop]\n", &[("FOOBAR__SITES__MYSHOP__ROOT", "x")]), [site("MyShop", "x")]);
}

#[test]
fn a_site_that_only_variables_make_keeps_the_capitals_that_they_have_among_small_letters() {
    assert_eq!(sites("", &[("FOOBAR__SITES__WWW__ROOT", "x")]), [site("www", "x")]);
    assert_eq!(sites("", &[("FOOBAR__SITES__MyShop__ROOT", "x")]), [site("MyShop", "x")]);
    let both = [("FOOBAR__SITES__MyShop__ROOT", "x"), ("FOOBAR__SITES__MYSHOP__INDEX", "a.html")];
    assert_eq!(sites("", &both), [site("myshop", "x")], "they mean one site");
}

#[test]
fn a_variable_that_may_mean_two_sites_is_refused_with_both() {
    assert_eq!(
        message("[sites.WWW]\n[sites.www]\n", &[("FOOBAR__SITES__WWW__ROOT", "x")]),
        "FOOBAR__SITES__WWW__ROOT: this may be `WWW` or `www`, which differ in their capitals alone; give one another name"
    );
}

#[test]
fn names_in_variables_may_have_dots_and_slashes() {
    let text = "[sites.\"www.foobar.com\"]\n";
    assert_eq!(sites(text, &[("FOOBAR__SITES__WWW.FOOBAR.COM__ROOT", "x")]), [site("www.foobar.com", "x")]);
    let config = load(text, &[("FOOBAR__SITES__WWW.FOOBAR.COM__ROUTES__/A.B__RESPOND", "204")]);
    let sites: BTreeMap<String, Site> = config.expect("the key is known").at("sites").expect("the site is good");
    assert_eq!(sites["www.foobar.com"].routes["/a.b"].respond, Some(204));
}

#[test]
fn two_variables_of_one_key_are_refused_with_both() {
    let twice = [("FOOBAR__SITES__WWW__ROOT", "x"), ("FOOBAR__SITES__www__ROOT", "y")];
    assert_eq!(message("", &twice), "FOOBAR__SITES__WWW__ROOT and FOOBAR__SITES__www__ROOT are both set; set one");
}
