//! The little of XML that IAM's answers are made of: elements within elements, texts, lists of `member`.

use serde_json::{Map, Value};

/// What stands in the element whose name ends in `Result`; `None` where an answer has none or it is empty.
pub(super) fn result(body: &str) -> Option<Value> {
    let mut rest = body;
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, inner) = after.split_once('>')?;
        let name = tag.split_whitespace().next().unwrap_or_default();
        if name.ends_with("Result") && !tag.ends_with('/') {
            let (content, _) = inner.split_once(&format!("</{name}>"))?;
            return Some(value(content)).filter(Value::is_object);
        }
        rest = inner;
    }
    None
}

/// The text of the first element of this name.
pub(super) fn text(body: &str, element: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{element}>"))?;
    rest.split_once("</").map(|(text, _)| plain(text))
}

/// A content: an object of its elements, a list of its members, or its text.
fn value(content: &str) -> Value {
    let mut members = Map::new();
    let mut items = Vec::new();
    let mut rest = content.trim();
    while let Some(after) = rest.strip_prefix('<') {
        let Some((tag, inner)) = after.split_once('>') else { break };
        let name = tag.trim_end_matches('/').split_whitespace().next().unwrap_or_default();
        let (found, after) = if tag.ends_with('/') {
            (Value::Null, inner)
        } else {
            let Some((found, after)) = inner.split_once(&format!("</{name}>")) else { break };
            (value(found), after)
        };
        if name == "member" {
            items.push(found);
        } else if !found.is_null() {
            members.insert(name.to_owned(), found);
        }
        rest = after.trim();
    }
    match (members.is_empty(), items.is_empty()) {
        (false, _) => Value::Object(members),
        (true, false) => Value::Array(items),
        (true, true) if content.trim().is_empty() => Value::Null,
        (true, true) => Value::String(plain(content)),
    }
}

fn plain(text: &str) -> String {
    text.trim().replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
