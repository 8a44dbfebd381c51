use std::io;

use crate::Error;
use crate::net::{Endpoint, Listen, Listener, PassedSocket, Share, Sockets};

/// The sockets of a tier, by the entries of `web.listen`.
#[derive(Default)]
pub(super) struct Listeners(Vec<Bound>);

/// What an entry is bound to: a host name may have several addresses.
struct Bound {
    listen: Listen,
    sockets: Vec<Listener>,
}

/// Those of other entries: where an address stays, so does its socket, with all that waits in its queue.
pub(super) struct NewListeners(Vec<(Listen, Origin)>);

enum Origin {
    /// The place among the sockets that there are.
    Kept(usize),
    Bound(Vec<Listener>),
}

impl Listeners {
    /// Binds all entries, as far as their sockets are not among those `given`.
    pub(super) fn bind(entries: &[Listen], given: &Sockets) -> Result<Self, Error> {
        let bind = |listen: &Listen| Ok(Bound { listen: listen.clone(), sockets: Listener::bind(listen, given)? });
        entries.iter().map(bind).collect::<Result<_, Error>>().map(Self)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Listener> {
        self.0.iter().flat_map(|bound| &bound.sockets)
    }

    /// All of them for another process, in their order; a number that was inherited is known there too.
    pub(super) fn pass_on(&self) -> io::Result<Vec<PassedSocket>> {
        let all = self.0.iter().filter(|bound| !matches!(bound.listen.endpoint, Endpoint::Inherited(_)));
        all.flat_map(|bound| &bound.sockets).map(Listener::pass_on).collect()
    }

    /// All of them for each of so many workers.
    pub(super) fn share(&self, workers: usize) -> Result<Vec<Vec<Share>>, Error> {
        let all = || self.0.iter().map(|bound| (&bound.listen, bound.sockets.as_slice()));
        (0..workers).map(|_| share(all())).collect::<io::Result<_>>().map_err(no_descriptor)
    }

    /// Binds those entries whose addresses are new. Without a port of its own, the n-th entry keeps the n-th socket; an
    /// address that is only written in another way keeps its own.
    pub(super) fn prepare(&self, entries: &[Listen], given: &Sockets) -> Result<NewListeners, Error> {
        let mut taken = vec![false; self.0.len()];
        let mut keep = |listen: &Listen| {
            let is_free = |place: &usize| !taken[*place] && self.0[*place].listen.endpoint == listen.endpoint;
            let place = (0..self.0.len()).find(is_free)?;
            taken[place] = true;
            Some(place)
        };
        let kept: Vec<_> = entries.iter().map(&mut keep).collect();
        let free = self.0.iter().zip(&taken).filter(|(_, taken)| !**taken);
        let mut free = free.flat_map(|(bound, _)| &bound.sockets).collect();
        let origin = |(listen, kept): (&Listen, Option<usize>)| match kept {
            Some(place) => Ok(Origin::Kept(place)),
            None => Listener::bind_beside(listen, given, &mut free, self.all()).map(Origin::Bound),
        };
        let origins = entries.iter().zip(kept).map(origin).collect::<Result<Vec<_>, Error>>()?;
        Ok(NewListeners(entries.iter().cloned().zip(origins).collect()))
    }

    /// All but those at these addresses, where an entry has no other; `None` where that is all of them.
    pub(super) fn without(&self, addresses: &[String]) -> Option<NewListeners> {
        let is_left = |bound: &Bound| bound.sockets.iter().all(|socket| addresses.contains(&socket.describe()));
        let stay = self.0.iter().enumerate().filter(|(_, bound)| !is_left(bound));
        let stay: Vec<_> = stay.map(|(place, bound)| (bound.listen.clone(), Origin::Kept(place))).collect();
        (stay.len() < self.0.len()).then_some(NewListeners(stay))
    }

    /// All of the new ones for each of so many workers, which they are to listen on from now on.
    pub(super) fn share_new(&self, new: &NewListeners, workers: usize) -> Result<Vec<Vec<Share>>, Error> {
        let sockets = |origin| match origin {
            &Origin::Kept(place) => self.0.get(place).map(|bound| bound.sockets.as_slice()),
            Origin::Bound(sockets) => Some(sockets.as_slice()),
        };
        let all = new.0.iter().map(|(listen, origin)| Some((listen, sockets(origin)?)));
        let all: Vec<_> = all.collect::<Option<_>>().ok_or(Error::NotServing)?; // a drain has closed them
        let all = || all.iter().copied();
        (0..workers).map(|_| share(all())).collect::<io::Result<_>>().map_err(no_descriptor)
    }

    /// From now on these are the sockets; those of addresses that are not there any more are closed.
    pub(super) fn replace(&mut self, new: NewListeners) {
        let mut old: Vec<_> = std::mem::take(&mut self.0).into_iter().map(Some).collect();
        let bound = |(listen, origin)| {
            let sockets = match origin {
                Origin::Bound(sockets) => sockets,
                Origin::Kept(place) => {
                    let kept = old.get_mut(place).and_then(Option::take); // each is kept once
                    kept.map_or_else(Vec::new, |bound| bound.sockets)
                }
            };
            Bound { listen, sockets }.shown()
        };
        self.0 = new.0.into_iter().map(bound).collect();
    }
}

impl NewListeners {
    /// Lets clients connect to the new ones.
    pub(super) fn listen(&self) -> Result<(), Error> {
        let bound = self.0.iter().filter_map(|(_, origin)| match origin {
            Origin::Bound(sockets) => Some(sockets),
            Origin::Kept(_) => None,
        });
        bound.flatten().try_for_each(Listener::listen)
    }
}

impl Bound {
    fn shown(mut self) -> Self {
        self.sockets.iter_mut().for_each(|socket| socket.show_as(&self.listen));
        self
    }
}

fn share<'a>(all: impl Iterator<Item = (&'a Listen, &'a [Listener])>) -> io::Result<Vec<Share>> {
    all.flat_map(|(listen, sockets)| sockets.iter().map(move |socket| socket.share(listen))).collect()
}

fn no_descriptor(source: io::Error) -> Error {
    Error::Thread { name: "foobar-web".to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_none_of_the_addresses_is_among_its_own_nothing_changes() {
        let listen: Listen = "127.0.0.1:0".parse().unwrap();
        let listeners = Listeners::bind(std::slice::from_ref(&listen), &Sockets::default()).unwrap();
        assert!(listeners.without(&["unix:admin.sock".to_owned()]).is_none());
        let own = listeners.all().map(Listener::describe).collect::<Vec<_>>();
        assert!(listeners.without(&own).is_some());
    }

    #[test]
    fn after_a_drain_has_closed_its_sockets_a_reload_finds_nothing_to_share() {
        let listen: Listen = "127.0.0.1:0".parse().unwrap();
        let mut listeners = Listeners::bind(std::slice::from_ref(&listen), &Sockets::default()).unwrap();
        let new = listeners.prepare(&[listen], &Sockets::default()).unwrap();
        listeners = Listeners::default();
        assert!(matches!(listeners.share_new(&new, 1), Err(Error::NotServing)));
    }
}
