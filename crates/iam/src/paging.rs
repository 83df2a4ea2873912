//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use crate::{faults::validation_error, limits};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use cloudlet_aws::Fault;

pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

impl<T> Page<T> {
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(each).collect(), is_truncated: self.is_truncated, marker: self.marker }
    }
}

/// One page of a list in a stable order. The marker is an offset.
pub(crate) fn page<T>(items: impl Iterator<Item = T>, marker: Option<&str>, max_items: Option<i32>) -> Result<Page<T>, Fault> {
    let start = match marker {
        None => 0,
        Some(marker) => offset(marker).ok_or_else(|| validation_error("Invalid Marker."))?,
    };
    let length = max_items.and_then(|n| usize::try_from(n).ok()).unwrap_or(limits::PAGE).clamp(1, limits::LONGEST_PAGE);
    let mut items = items.skip(start);
    let items_of_page: Vec<T> = items.by_ref().take(length).collect();
    let more = items.next().is_some();
    let marker = more.then(|| URL_SAFE_NO_PAD.encode(format!("at:{}", start + length)));
    Ok(Page { items: items_of_page, is_truncated: Some(more), marker })
}

fn offset(marker: &str) -> Option<usize> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(marker).ok()?).ok()?.strip_prefix("at:")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let one = page(0..5, None, Some(2)).unwrap();
        assert_eq!((one.items, one.is_truncated), (vec![0, 1], Some(true)));
        let two = page(0..5, one.marker.as_deref(), Some(3)).unwrap();
        assert_eq!((two.items, two.is_truncated, two.marker), (vec![2, 3, 4], Some(false), None));
        assert_eq!(page(0..5, Some("nonsense!"), None).err().unwrap().code(), "ValidationError");
    }
}
