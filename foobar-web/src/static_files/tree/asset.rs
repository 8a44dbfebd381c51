use std::io;
use std::sync::Arc;

use super::{Tree, at};
use crate::file_source::{Blocking, Node};
use crate::static_files::asset_name::AssetName;
use crate::static_files::cache::Found;
use crate::static_files::load::Stored;
use crate::static_files::resource::{Caching, Resource};

impl Tree {
    /// What a name with a hash leads to: the file of that content, which caches may keep for ever.
    ///
    /// Where the file has another content by now, that is sent, and caches ask again each time: a page that was made before
    /// the change, or by another server in the middle of an upgrade, keeps its looks. The cache of files does not keep such
    /// a find, as anybody can make up hashes, and it shares the content of the plain name.
    pub(super) fn find_asset(&self, path: &[u8], wait: Blocking, known: Option<&Arc<Resource>>) -> io::Result<Found> {
        let Some(asset) = AssetName::parse(path).filter(|_| self.options.assets) else { return Ok(Found::Nothing) };
        if let Some(known) = known.filter(|known| *known.path == *asset.plain)
            && self.is_same(known, wait)?
        {
            return Ok(Found::File(Arc::clone(known)));
        }
        let entry = match wait {
            Blocking::Forbidden => self.try_find(&asset.plain)?,
            Blocking::Allowed => self.find_blocking(&asset.plain)?,
        };
        let Found::File(file) = entry.found.clone() else { return Ok(Found::Nothing) };
        if self.content_hash(&file).as_deref() != Some(asset.hash) {
            return Ok(Found::File(Arc::new(
                file.renamed(self.options.announce.of_asset(&file.path, Caching::no_cache())),
            )));
        }
        let Some(Node::File(opened)) = self.source.open(at(&asset.plain), wait)? else { return Ok(Found::Nothing) };
        Ok(Found::File(Arc::new(self.load(&asset.plain, opened, Some(asset.hash), wait)?)))
    }

    /// The hash of a file's content in hexadecimal; `None` as long as it is not known. That of a large one is computed on
    /// the file-reading pool.
    pub(in crate::static_files) fn content_hash(&self, file: &Resource) -> Option<String> {
        match (file.content_hash(), &file.identity().stored) {
            (Some(hash), _) => Some(hash.to_owned()),
            (None, Stored::File(content)) => {
                let hash = self.store.hashes().get(&file.state, content, || {});
                hash.map(|hash| format!("{hash:032x}"))
            }
            (None, Stored::Memory(_)) => None,
        }
    }
}
