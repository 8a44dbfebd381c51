use std::collections::HashMap;

use foobar_core::{Response, ResponseBody};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};

use crate::static_files::StaticFiles;
use crate::{Error, SiteSettings};

/// The pages of a site's own that stand for errors of this server.
pub(crate) struct ErrorPages {
    files: Option<StaticFiles>,
    pages: HashMap<StatusCode, String>,
}

impl ErrorPages {
    /// `key` is the site's section; `root` its opened folder. Every page is read once, so that none is missed later.
    pub(crate) fn compile(key: &str, settings: &SiteSettings, root: Option<StaticFiles>) -> Result<Self, Error> {
        let key = format!("{key}.error_page");
        let mut pages = HashMap::new();
        for entry in settings.error_page.iter() {
            let parsed = parse(entry).filter(|_| root.is_some());
            let (statuses, page) = parsed.ok_or_else(|| {
                let message = format!(
                    "{entry:?} is no error page; write statuses from 400 to 599 and a file under `root`, \
                     for example \"500 502 /50x.html\""
                );
                Error::setting(key.clone(), message)
            })?;
            if let (Some(files), Some(folder)) = (&root, &settings.root) {
                let path = folder.join(page.trim_start_matches('/'));
                files.read_page(&page).map_err(|source| Error::Open { key: key.clone(), path, source })?;
            }
            pages.extend(statuses.into_iter().map(|status| (status, page.clone())));
        }
        Ok(Self { files: root, pages })
    }

    /// Puts the page of the response's status, if there is one, in the place of its body.
    pub(crate) async fn apply(&self, response: &mut Response) {
        let (Some(files), Some(page)) = (&self.files, self.pages.get(&response.status())) else { return };
        if let Some((content_type, page)) = files.page(page).await {
            *response.body_mut() = ResponseBody::full(page);
            let headers = response.headers_mut();
            headers.remove(CONTENT_SECURITY_POLICY);
            headers.insert(CONTENT_TYPE, content_type);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

fn parse(entry: &str) -> Option<(Vec<StatusCode>, String)> {
    let (statuses, page) = entry.trim().rsplit_once(' ')?;
    let status = |text: &str| {
        let status: u16 = text.parse().ok()?; // no number: no page
        (400..600).contains(&status).then(|| StatusCode::from_u16(status).ok()).flatten()
    };
    let statuses: Vec<_> = statuses.split_whitespace().map(status).collect::<Option<_>>()?;
    (page.starts_with('/') && !statuses.is_empty()).then(|| (statuses, page.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_statuses_and_a_path() {
        let statuses = vec![StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY];
        assert_eq!(parse("500 502 /50x.html"), Some((statuses, "/50x.html".into())));
        for bad in ["", "/50x.html", "500", "500 50x.html", "200 /a", "x /a", "404 = /a"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
