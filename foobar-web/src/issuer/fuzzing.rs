use super::acme::parse_response;

/// The status and the content of an authority's answer; `None` if it is not complete. `is_whole` says that nothing follows.
pub fn acme_response(bytes: &[u8], is_head: bool, is_whole: bool) -> Result<Option<(u16, Vec<u8>)>, &'static str> {
    let parsed = parse_response(bytes, is_head, is_whole)?;
    Ok(parsed.map(|response| (response.status().as_u16(), response.into_body().to_vec())))
}
