use std::collections::HashMap;
use std::io;
use std::path::Path;

use foobar_core::{Accept, Problem, Response, ResponseBody};
use http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue,
};
use http::{HeaderMap, StatusCode};

use super::Warning;
use super::route::Folder;
use crate::static_files::StaticFiles;
use crate::{Error, SiteSettings};

/// The pages of a site's own that stand for errors of this server, of all its tiers.
pub(crate) struct ErrorPages {
    files: Option<StaticFiles>,
    pages: HashMap<StatusCode, String>,
    maintenance: Option<String>,
}

impl ErrorPages {
    /// `section` is the site's; `root` its folder. Every page is read once; those that are not there yet are told of.
    pub(crate) fn compile(
        section: &str,
        settings: &SiteSettings,
        root: Option<&Folder<'_>>,
    ) -> Result<(Self, Vec<Warning>), Error> {
        let files = root.map(|folder| folder.files(true, true)).transpose()?;
        let key = format!("{section}.error_page");
        let (mut pages, mut missing) = (HashMap::new(), Vec::new());
        for entry in settings.error_page.iter() {
            let parsed = parse(entry).filter(|_| files.is_some());
            let (statuses, page) = parsed.ok_or_else(|| {
                let message = format!(
                    "{entry:?} is no error page; write statuses from 400 to 599 and a file under `root`, \
                     for example \"500 502 /50x.html\""
                );
                Error::setting(key.clone(), message)
            })?;
            missing.extend(look(&key, &page, files.as_ref(), settings.root.as_deref())?);
            pages.extend(statuses.into_iter().map(|status| (status, page.clone())));
        }
        let maintenance = settings.maintenance_page.clone();
        if let Some(page) = &maintenance {
            let key = format!("{section}.maintenance_page");
            if !page.starts_with('/') || files.is_none() {
                let message = format!("{page:?} is no page; write a file under `root`, such as \"/maintenance.html\"");
                return Err(Error::setting(key, message));
            }
            missing.extend(look(&key, page, files.as_ref(), settings.root.as_deref())?);
        }
        Ok((Self { files, pages, maintenance }, missing))
    }

    /// Whether a client gets pages: where it would get a page of this server's own, as it names HTML.
    pub(crate) fn are_for(&self, request: &HeaderMap) -> bool {
        !self.pages.is_empty() && prefers_page(request)
    }

    /// Whether an error of this status may have a page.
    pub(crate) fn covers(&self, status: StatusCode) -> bool {
        self.pages.contains_key(&status)
    }

    /// Puts the page of the response's status, if there is one, in the place of a [`Problem`]; the application's own
    /// body stays.
    pub(crate) async fn apply(&self, response: &mut Response) {
        if let Some(page) = self.pages.get(&response.status()) {
            self.put(page, response).await;
        }
    }

    /// The same of the page for maintenance, or that of its status, for a client that gets pages.
    pub(crate) async fn apply_for_maintenance(&self, response: &mut Response, request: &HeaderMap) {
        let page = self.maintenance.as_ref().or_else(|| self.pages.get(&response.status()));
        if let Some(page) = page.filter(|_| prefers_page(request)) {
            self.put(page, response).await;
        }
    }

    async fn put(&self, page: &str, response: &mut Response) {
        let Some(files) = self.files.as_ref().filter(|_| response.extensions().get::<Problem>().is_some()) else {
            return;
        };
        if let Some((content_type, page)) = files.page(page.as_bytes()).await {
            *response.body_mut() = ResponseBody::full(page);
            let headers = response.headers_mut();
            for of_the_old_body in [CONTENT_SECURITY_POLICY, CONTENT_LENGTH, CONTENT_ENCODING] {
                headers.remove(of_the_old_body);
            }
            headers.insert(CONTENT_TYPE, content_type);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

fn prefers_page(request: &HeaderMap) -> bool {
    Accept::of(request.get_all(ACCEPT).iter().map(HeaderValue::as_bytes)).prefers_page()
}

/// Reads a page once; gives a warning where it is not there.
fn look(key: &str, page: &str, files: Option<&StaticFiles>, root: Option<&Path>) -> Result<Option<Warning>, Error> {
    let (Some(files), Some(root)) = (files, root) else { return Ok(None) }; // there is a folder where there are files
    let (key, path) = (key.to_owned(), root.join(page.trim_start_matches('/')));
    match files.read_page(page.as_bytes()) {
        Ok(_) => Ok(None),
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            let message = format!("{} is not there; until it is, such errors have no page", path.display());
            Ok(Some(Warning { key, message }))
        }
        Err(source) => Err(Error::Open { key, path, source }),
    }
}

fn parse(entry: &str) -> Option<(Vec<StatusCode>, String)> {
    let (statuses, page) = entry.trim().rsplit_once(' ')?;
    let status = |text: &str| {
        let status: u16 = text.parse().ok()?; // no number: no page
        (400..600).contains(&status).then(|| StatusCode::from_u16(status).ok()).flatten() // each of them is one
    };
    let statuses: Vec<_> = statuses.split_whitespace().map(status).collect::<Option<_>>()?;
    let is_page = page.starts_with('/') && !page.contains('$'); // a variable has no value here
    (is_page && !statuses.is_empty()).then(|| (statuses, page.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_client_that_names_html_gets_a_page() {
        let pages = HashMap::from([(StatusCode::NOT_FOUND, "/404.html".to_owned())]);
        let pages = ErrorPages { files: None, pages, maintenance: None };
        let are_for = |accept| pages.are_for(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]));
        for other in
            ["application/json", "*/*", "text/*", "image/*", "application/json, text/html;q=0.1", "text/html;q=0"]
        {
            assert!(!are_for(other), "{other}");
        }
        for page in ["text/html", "Text/HTML, application/json", "*/*, application/xhtml+xml;q=0.9"] {
            assert!(are_for(page), "{page}");
        }
        assert!(!pages.are_for(&HeaderMap::new()));
    }

    #[test]
    fn an_entry_is_statuses_and_a_path() {
        let statuses = vec![StatusCode::INTERNAL_SERVER_ERROR, StatusCode::BAD_GATEWAY];
        assert_eq!(parse("500 502 /50x.html"), Some((statuses, "/50x.html".into())));
        for bad in ["", "/50x.html", "500", "500 50x.html", "200 /a", "x /a", "404 = /a"] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }
}
