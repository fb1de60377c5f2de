//! Lists: collections with links, seek pages, and bare arrays, all read the same way.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Read, Scalar, parse, piece, without_mark};
use crate::ids::Continuation;
use crate::model::{Malformed, Page, Unreadable};

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default, bound(deserialize = "'de: 'a"))]
struct Collection<'a> {
    items: Option<Vec<&'a RawValue>>,
    total_count: Scalar<'a>,
    continuation_token: Scalar<'a>,
    links: Option<Links<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Links<'a> {
    next: Option<Link<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Link<'a> {
    uri: Scalar<'a>,
    headers: Option<Vec<Header<'a>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Header<'a> {
    key: Scalar<'a>,
    value: Scalar<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct JustId<'a> {
    id: Scalar<'a>,
}

/// Reads one page of a list. `path` is where it was asked, for a continuation that comes without a link.
///
/// `totalCount` decides nothing: it counts this page. An object without `items` is only taken for an empty list when
/// it says itself that there is nothing, since some refusals come with HTTP 200.
pub(crate) fn page<T: Read>(body: &[u8], path: &str) -> Result<Page<T>, Malformed> {
    if without_mark(body).trim_ascii_start().first() == Some(&b'[') {
        return Ok(sorted(&parse::<Vec<&RawValue>>(body)?, None));
    }
    let collection: Collection<'_> = parse(body)?;
    let items = match &collection.items {
        Some(items) => items.as_slice(),
        None if collection.total_count.int() == Some(0) => &[],
        None => return Err(Malformed::Key("items")),
    };
    let next = next(&collection, path)?;
    Ok(sorted(items, next))
}

#[derive(Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Linked<'a> {
    value: Option<Vec<&'a RawValue>>,
    #[serde(rename = "@odata.nextLink")]
    next: Scalar<'a>,
}

/// Reads one page of the directory's lists, whose next page is a link with a host. `below` makes a path below our base of
/// it, or nothing of a link that leads elsewhere.
pub(crate) fn linked<T: Read>(
    body: &[u8],
    below: impl FnOnce(&str) -> Option<String>,
) -> Result<Page<T>, Malformed> {
    let linked: Linked<'_> = parse(body)?;
    let items = linked.value.ok_or(Malformed::Key("value"))?;
    let next = match linked.next.text() {
        Some(link) => Some(Continuation { target: below(&link).ok_or(Malformed::NextPage)?, token: None }),
        None => None,
    };
    Ok(sorted(&items, next))
}

/// Parts what can be read from what cannot.
fn sorted<T: Read>(entries: &[&RawValue], next: Option<Continuation>) -> Page<T> {
    let mut items = Vec::with_capacity(entries.len());
    let mut unreadable = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match T::read(entry) {
            Ok(item) => items.push(item),
            Err(problem) => unreadable.push(Unreadable { index, id: harmless_id(entry), problem }),
        }
    }
    Page { items, unreadable, next }
}

/// The entry's id, where it has one that is certainly not a name.
fn harmless_id(entry: &RawValue) -> Option<String> {
    let id = piece::<JustId<'_>>(entry).ok()?.id.text()?;
    let harmless =
        id.len() <= 80 && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b':' | b'_'));
    harmless.then_some(id)
}

/// Where the next page begins: `links.next` decides; where there are no links at all, the continuation token does.
fn next(collection: &Collection<'_>, path: &str) -> Result<Option<Continuation>, Malformed> {
    match &collection.links {
        Some(Links { next: Some(link) }) => {
            let Some(uri) = link.uri.text() else { return Ok(None) };
            let token = link
                .headers
                .iter()
                .flatten()
                .find(|header| header.key.text().is_some_and(|key| key.eq_ignore_ascii_case(TOKEN_HEADER)))
                .and_then(|header| header.value.text())
                .or_else(|| collection.continuation_token.text());
            Ok(Some(Continuation { target: below_base(&uri)?, token }))
        }
        Some(Links { next: None }) => Ok(None),
        None => Ok(collection
            .continuation_token
            .text()
            .map(|token| Continuation { target: format!("{path}?seekOperation=Next"), token: Some(token) })),
    }
}

/// The header that carries a continuation token.
pub(crate) const TOKEN_HEADER: &str = "MS-ContinuationToken";

/// The link as path and query below the API's base, with the version that links leave out. A link to another host is
/// not followed: it would be given our token.
fn below_base(uri: &str) -> Result<String, Malformed> {
    if !uri.starts_with('/') || uri.starts_with("//") || uri.contains(['\\', '#']) {
        return Err(Malformed::NextPage);
    }
    let versioned = uri.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("/v1/"));
    Ok(if versioned { uri.to_owned() } else { format!("/v1{uri}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Number(i64);

    impl Read for Number {
        fn read(json: &RawValue) -> Result<Self, Malformed> {
            let value: JustId<'_> = piece(json)?;
            super::super::required(value.id.int(), "id").map(Number)
        }
    }

    fn read(json: &str) -> Result<Page<Number>, Malformed> {
        page(json.as_bytes(), "/v1/things")
    }

    #[test]
    fn an_entry_that_cannot_be_read_does_not_lose_the_list() {
        let page =
            read(r#"{"totalCount":9,"items":[{"id":1},{"id":"x-1"},"?",{"id":"3"},{"id":"Ann Lee"}]}"#)
                .unwrap();
        assert_eq!(page.items, [Number(1), Number(3)]);
        let ids: Vec<_> = page.unreadable.iter().map(|u| (u.index, u.id.as_deref())).collect();
        assert_eq!(ids, [(1, Some("x-1")), (2, None), (4, None)]);
    }

    #[test]
    fn an_object_without_items_is_not_an_empty_list() {
        assert_eq!(read(r#"{"code":400072,"description":"x"}"#).unwrap_err(), Malformed::Key("items"));
        assert!(read(r#"{"totalCount":0}"#).unwrap().items.is_empty());
        assert_eq!(read("<html>").unwrap_err(), Malformed::NotJson);
    }

    #[test]
    fn a_bare_array_and_a_byte_order_mark_are_read() {
        assert_eq!(read("\u{feff}[{\"id\":1}]").unwrap().items, [Number(1)]);
        assert_eq!(read("\u{feff}{\"items\":[{\"id\":1}]}").unwrap().items, [Number(1)]);
    }

    #[test]
    fn the_next_link_decides_and_carries_its_token() {
        let page = read(
            r#"{"items":[],"continuationToken":"b","links":{"next":{"uri":"/things?size=2","method":"GET","headers":[{"key":"MS-ContinuationToken","value":"a=="}]}}}"#,
        )
        .unwrap();
        assert_eq!(
            page.next,
            Some(Continuation { target: "/v1/things?size=2".to_owned(), token: Some("a==".to_owned()) })
        );
        assert_eq!(read(r#"{"items":[],"continuationToken":"b","links":{"self":{}}}"#).unwrap().next, None);
        let by_token = read(r#"{"items":[],"continuationToken":"b"}"#).unwrap().next.unwrap();
        assert_eq!(by_token.target, "/v1/things?seekOperation=Next");
    }

    #[test]
    fn a_link_to_another_host_is_not_followed() {
        for uri in
            ["https://elsewhere.example/v1/things", "//elsewhere.example/things", "/\\\\elsewhere.example"]
        {
            let json = serde_json::json!({"items": [], "links": {"next": {"uri": uri}}}).to_string();
            assert_eq!(read(&json).unwrap_err(), Malformed::NextPage, "{uri}");
        }
        let json = r#"{"items":[],"links":{"next":{"uri":"/v1/things?a=b"}}}"#;
        assert_eq!(read(json).unwrap().next.unwrap().target, "/v1/things?a=b");
    }
}
