use foobar_core::{AssetError, Assets};

use crate::file_path;

tokio::task_local! {
    /// The files of the site that a request is for; `None` where nobody knows them.
    static ASSETS: Option<Assets>;
}

/// The URL of a file that the site serves, with the hash of its content, so that browsers and caches keep the file for
/// a year without asking again (`Cache-Control: public, max-age=31536000, immutable`). A changed file has another URL.
///
/// ```
/// # use foobar_app as foobar;
/// use foobar::Error;
///
/// async fn home() -> Result<String, Error> {
///     Ok(format!(r#"<link rel="stylesheet" href="{}">"#, foobar::asset("site.css")?))
/// }
/// ```
///
/// In a template of askama it is `{{ foobar::asset("site.css")? }}`. `name` is the path below the site's `root`, or of
/// a route with `files`: `"css/site.css"` becomes `/css/site.0123456789abcdef0123456789abcdef.css`.
///
/// Such a URL leads to the file as long as it has this content. After a change it leads to the new content, and caches
/// ask each time (`no-cache`), so that a page from before the change, or from another server during an upgrade, still
/// works.
///
/// The URL has no hash where none is known: for a file larger than `web.file_cache_max_file`, until its hash has been
/// computed in the background, and for a call outside of a request that a server has given to the application: in
/// [`testing::Client`](crate::testing::Client), in spawned work, in `web::block`, in a body that is made while it is
/// sent.
///
/// The first call for a file that is small and not in memory reads and hashes it on the worker's thread, once until it
/// changes.
///
/// # Errors
///
/// If no file of this name is served; the error says where it was looked for. With `?` it becomes a 500, and the log
/// has the reason.
pub fn asset(name: &str) -> Result<String, AssetError> {
    match ASSETS.try_with(Clone::clone) {
        Ok(Some(assets)) => assets.url(name),
        Ok(None) | Err(_) => plain(name), // see above
    }
}

/// Answers a request to a site with these files.
pub(crate) fn within<F: Future>(assets: Option<Assets>, work: F) -> impl Future<Output = F::Output> {
    ASSETS.scope(assets, work)
}

fn plain(name: &str) -> Result<String, AssetError> {
    let path = file_path::encoded(name.strip_prefix('/').unwrap_or(name).as_bytes()); // it is the same file
    let reason = "write the path of a file below the root, such as \"css/site.css\"";
    path.map(|path| format!("/{path}")).ok_or_else(|| AssetError::new(name, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_site_knows_the_url_of_its_files() {
        let assets = Assets::new(|name| Ok(format!("/{name}.HASH")));
        assert_eq!(within(Some(assets), async { asset("a") }).await.unwrap(), "/a.HASH");
    }

    #[tokio::test]
    async fn where_no_site_is_known_the_url_has_no_hash() {
        assert_eq!(within(None, async { asset("a b.css") }).await.unwrap(), "/a%20b.css");
        assert_eq!(asset("/css/a.css").unwrap(), "/css/a.css");
        for name in ["", "/", "../a", "a//b", "a\r\nb"] {
            let error = asset(name).unwrap_err().to_string();
            assert!(error.starts_with(&format!("there is no asset {name:?}: write the path")), "{error}");
        }
    }
}
