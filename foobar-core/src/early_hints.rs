use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use http::HeaderValue;

/// Tells the client, while a handler still works on its answer, what that will need: `103 Early Hints` (RFC 8297).
///
/// The web tier puts one into the extensions of each request over HTTP/1.1 and HTTP/2. A handler on actix-web always
/// has one, and takes it as `ReqData<EarlyHints>`; it sends nothing to a client of HTTP/1.0, which would take it for
/// the answer. Over HTTP/2 the hints of one request may take 16 KiB together. Some old programs do not expect an
/// interim response that they have not asked for: send hints to browsers, on pages. They are not cached, and no field
/// of the answer comes from them.
#[derive(Clone, Default)]
pub struct EarlyHints(Option<Arc<Mutex<Queue>>>);

/// The hints that a handler gives, for whoever sends them; what is given once this is dropped is not sent.
pub struct HintsToSend(Arc<Mutex<Queue>>);

/// Why hints are not sent.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EarlyHintsError {
    /// This is not the value of a `Link` field.
    Link(String),
    /// More than 16 KiB would wait for the client to take it.
    TooMany,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Vec<HeaderValue>>,
    size: usize,
    is_over: bool,
    waker: Option<Waker>,
}

/// As much as a head may be long elsewhere.
const MOST: usize = 16 << 10;

impl EarlyHints {
    /// Hints, and the other end of them.
    pub fn channel() -> (Self, HintsToSend) {
        let queue = Arc::<Mutex<Queue>>::default();
        (Self(Some(Arc::clone(&queue))), HintsToSend(queue))
    }

    /// Sends one interim response with a `Link` field for each of these, such as `</site.css>; rel=preload; as=style`
    /// (RFC 8288). It goes out at once, or just before the answer; nothing is sent once the answer has begun.
    ///
    /// # Errors
    ///
    /// A link that is not `<URL>` with parameters after it, in visible ASCII; too much for a client that takes nothing.
    /// Then none of these is sent.
    pub fn send<L: AsRef<str>>(&self, links: impl IntoIterator<Item = L>) -> Result<(), EarlyHintsError> {
        let links = links.into_iter().map(|link| value(link.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let Some(mut queue) = self.0.as_deref().map(lock).filter(|queue| !links.is_empty() && !queue.is_over) else {
            return Ok(());
        };
        let size = queue.size + size(&links);
        if size > MOST {
            return Err(EarlyHintsError::TooMany);
        }
        queue.size = size;
        queue.waiting.push_back(links);
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// The answer begins: what is given from now on is not sent.
    pub fn end(&self) {
        if let Some(queue) = &self.0 {
            lock(queue).is_over = true;
        }
    }
}

impl HintsToSend {
    /// The links of the next interim response, once there are any.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Vec<HeaderValue>> {
        let mut queue = lock(&self.0);
        match queue.take() {
            Some(links) => Poll::Ready(links),
            None => {
                queue.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The same, if there are any by now.
    pub fn next_now(&mut self) -> Option<Vec<HeaderValue>> {
        lock(&self.0).take()
    }
}

impl Drop for HintsToSend {
    fn drop(&mut self) {
        *lock(&self.0) = Queue { is_over: true, ..Queue::default() };
    }
}

impl Queue {
    fn take(&mut self) -> Option<Vec<HeaderValue>> {
        let links = self.waiting.pop_front()?;
        self.size -= size(&links);
        Some(links)
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(links: &[HeaderValue]) -> usize {
    links.iter().map(HeaderValue::len).sum()
}

fn value(link: &str) -> Result<HeaderValue, EarlyHintsError> {
    let is_link = link.strip_prefix('<').and_then(|rest| rest.split_once('>')).is_some_and(|(url, _)| !url.is_empty());
    let value = HeaderValue::from_str(link).ok().filter(|_| is_link && link.is_ascii()); // there is one reason
    value.ok_or_else(|| EarlyHintsError::Link(link.to_owned()))
}

impl fmt::Debug for EarlyHints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EarlyHints")
    }
}

impl fmt::Display for EarlyHintsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(link) => {
                write!(f, "{link:?} is no link for early hints; write `<URL>; rel=preload; as=style` in visible ASCII")
            }
            Self::TooMany => f.write_str("too many early hints wait for the client; send fewer"),
        }
    }
}

impl std::error::Error for EarlyHintsError {}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = "</site.css>; rel=preload; as=style";

    #[test]
    fn links_come_in_their_order_one_response_for_each_call() {
        let (hints, mut sent) = EarlyHints::channel();
        hints.send([STYLE, "</a.js>; rel=preload; as=script"]).unwrap();
        hints.send(["<https://cdn.test>; rel=preconnect".to_owned()]).unwrap();
        hints.send([""; 0]).unwrap();
        assert_eq!(sent.next_now().unwrap(), [STYLE, "</a.js>; rel=preload; as=script"]);
        assert_eq!(sent.next_now().unwrap(), ["<https://cdn.test>; rel=preconnect"]);
        assert_eq!(sent.next_now(), None);
    }

    #[test]
    fn what_is_no_link_is_refused_also_where_nothing_is_sent() {
        for bad in ["", "/site.css", "<", "<>", "<a", "<a>\r\nSet-Cookie: b", "<a>\n", "<a>\0", "<ü>", "<a>\u{7f}"] {
            for hints in [EarlyHints::channel().0, EarlyHints::default()] {
                assert_eq!(hints.send([STYLE, bad]), Err(EarlyHintsError::Link(bad.to_owned())), "{bad:?}");
            }
        }
    }

    #[test]
    fn no_more_waits_than_a_head_may_be_long() {
        let (hints, mut sent) = EarlyHints::channel();
        let link = format!("<{}>", "a".repeat(MOST / 2));
        hints.send([&link]).unwrap();
        assert_eq!(hints.send([&link]), Err(EarlyHintsError::TooMany));
        assert!(sent.next_now().is_some());
        hints.send([&link]).unwrap();
    }

    #[test]
    fn nothing_waits_for_an_answer_that_has_begun() {
        let (hints, sent) = EarlyHints::channel();
        drop(sent);
        assert_eq!(hints.send([STYLE]), Ok(()));
        assert!(lock(hints.0.as_ref().unwrap()).waiting.is_empty());
    }
}
