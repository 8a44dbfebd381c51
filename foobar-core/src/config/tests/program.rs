//! What a program says of its own configuration: its name, its defaults, presets with a star.

use std::collections::BTreeMap;

use super::{Site, Web, load_with, loader, message_of};
use crate::Size;
use crate::config::Loader;

fn sites(loader: Loader, text: &str) -> BTreeMap<String, Site> {
    let config = load_with(loader, text, &[]).unwrap_or_else(|error| panic!("{error}"));
    config.at("sites").expect("the sites are good")
}

#[test]
fn defaults_of_the_program_are_beneath_presets_and_the_file_and_have_their_lines() {
    let loader = loader().defaults("[web]\nworkers = 3\n\nkeepalive_timeout = \"9s\"\nsizes = [\"1KiB\", \"2KiB\"]\n");
    let config = load_with(loader.preset("web.keepalive_timeout", "8s"), "[web]\nworkers = 1\n", &[]);
    let config = config.expect("the configuration is good");
    let web: Web = config.section().expect("the section is good");
    assert_eq!((web.workers, web.keepalive_timeout.as_secs(), web.sizes.len()), (Some(1), 8, 2));
    assert_eq!(web.sizes[1], Size::bytes(2048));
    assert_eq!(config.origin("web.sizes"), "the program's defaults:5");
    assert_eq!(config.preset("web.workers").as_deref(), Some("3"));
}

#[test]
fn an_error_in_the_defaults_of_the_program_names_them_and_the_line() {
    let error = |text: &str| message_of(loader().defaults(text), "", &[]);
    assert!(error("[web\n").starts_with("the program's defaults:1: not TOML: "), "{}", error("[web\n"));
    let unknown = "the program's defaults:2: unknown key `web.wrkers`; did you mean `web.workers`?";
    assert_eq!(error("[web]\nwrkers = 1\n"), unknown);
    assert!(
        error("\n[web]\nworkers = 'many'\n").starts_with("the program's defaults:3: `web.workers`: \"many\" is not")
    );
    let starred = "the program's defaults:2: unknown key `sites.\"*\".rot`; did you mean `sites.\"*\".root`?";
    assert_eq!(error("[sites.\"*\"]\nrot = 'x'\n"), starred);
    let secret = error("[web]\nkey = [\"hunter2\"]\n");
    assert!(secret.contains("the program's defaults:2: `web.key`") && !secret.contains("hunter2"), "{secret}");
}

#[test]
fn defaults_with_a_star_are_those_of_each_site_and_of_its_routes_and_make_no_site() {
    let text = "[sites.\"*\"]\nroot = \"public\"\n[sites.\"*\".routes.\"/feed.xml\"]\nrespond = 204\n\
                [sites.\"*\".routes.\"*\"]\ncontent = \"all\"\n";
    let defaults = || loader().defaults(text);
    assert!(sites(defaults(), "").is_empty());
    let two = sites(defaults(), "[sites.a]\n[sites.b]\nroot = 'own'\n[sites.b.routes.\"/x\"]\nrespond = 404\n");
    assert_eq!((&two["a"].root, &two["b"].root), (&Some("public".into()), &Some("own".into())));
    assert_eq!((two["a"].routes.len(), two["b"].routes.len()), (1, 2));
    for site in two.values() {
        assert_eq!(site.routes["/feed.xml"].respond, Some(204));
        assert!(site.routes.values().all(|route| route.content.as_deref() == Some("all")));
    }
}

#[test]
fn a_preset_with_a_star_makes_a_route_in_each_site_and_no_site() {
    let preset =
        || loader().preset("sites.*.routes.\"/a.b/\".respond", "404").preset("sites.*.routes.*.content", "none");
    assert!(sites(preset(), "").is_empty());
    let one = sites(preset(), "[sites.\"www.foobar.com\"]\n");
    let route = &one["www.foobar.com"].routes["/a.b/"];
    assert_eq!((route.respond, route.content.as_deref()), (Some(404), Some("none")));
}

#[test]
fn the_name_of_the_configuration_is_that_of_its_file_and_of_its_variables() {
    let loader = loader().name("my-shop");
    assert_eq!(loader.file_name(), "my-shop.toml");
    let variables = [("MY_SHOP__WEB__WORKERS", "2"), ("FOOBAR__WEB__WORKERS", "3")];
    let config = load_with(loader, "", &variables).expect("the configuration is good");
    assert_eq!(config.section::<Web>().expect("the section is good").workers, Some(2));
    for name in ["", "My-Shop", "a/b", "a__b"] {
        let error = Loader::default().name(name).load().err().expect("it is no name").to_string();
        assert!(error.starts_with(&format!("the name of the configuration: {name:?} is no name")), "{error}");
    }
}
