//! Opens and clicks: links of a mail's HTML lead over this server, and an image that nobody sees tells that the mail was opened.
//! <https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html>

use crate::{
    Ses,
    events::{Happened, LinkClient},
    limits,
    state::{ConfigurationSet, Tracked},
};
use cloudlet_engine::Cx;
use mail_parser::{MessageParser, MimeHeaders, PartType};
use std::{borrow::Cow, sync::Arc};

/// What is rewritten in a mail.
#[derive(Clone, Copy)]
pub struct Rewrite {
    pub opens: bool,
    pub clicks: bool,
}

impl Rewrite {
    pub fn of(set: &ConfigurationSet) -> Option<Rewrite> {
        let wanted = Rewrite { opens: set.wants("OPEN"), clicks: set.wants("CLICK") };
        (wanted.opens || wanted.clicks).then_some(wanted)
    }
}

/// A link, and the tags that it was given.
pub type Link = (String, Vec<(String, String)>);

/// AWS: unverified. More than this many links of a mail are not followed.
/// <https://docs.aws.amazon.com/ses/latest/dg/faqs-metrics.html>
const LINKS: usize = 250;

/// The page with its links rewritten to `base` and a number, and an image that is number 0.
pub fn rewrite_html(html: &str, base: &str, wanted: Rewrite, links: &mut Vec<Link>) -> String {
    let mut out = String::with_capacity(html.len() + 256);
    let mut rest = html;
    if wanted.clicks {
        while let Some(at) = find_anchor(rest) {
            let (before, tag_on) = rest.split_at(at);
            out.push_str(before);
            let Some(end) = tag_on.find('>') else {
                rest = tag_on;
                break;
            };
            let (tag, after) = tag_on.split_at(end + 1);
            out.push_str(&rewrite_anchor(tag, base, links));
            rest = after;
        }
    }
    out.push_str(rest);
    if wanted.opens {
        let image = format!("<img alt=\"\" src=\"{base}0\" style=\"display: none; width: 1px; height: 1px;\">");
        // The last thing of the page.
        let at = out.to_ascii_lowercase().rfind("</body").unwrap_or(out.len());
        out.insert_str(at, &image);
    }
    out
}

/// Where the next `<a` begins.
fn find_anchor(html: &str) -> Option<usize> {
    let bytes = html.as_bytes();
    let is_anchor = |at: usize| matches!(bytes.get(at + 1), Some(b'a' | b'A')) && bytes.get(at + 2).is_some_and(|byte| byte.is_ascii_whitespace());
    html.match_indices('<').map(|(at, _)| at).find(|at| is_anchor(*at))
}

/// An attribute's value, and where it is in the tag.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<(usize, &'t str)> {
    let lower = tag.to_ascii_lowercase();
    for (at, _) in lower.match_indices(name) {
        let begins = at.checked_sub(1).and_then(|before| lower.as_bytes().get(before)).is_some_and(u8::is_ascii_whitespace);
        let after = tag.get(at + name.len()..)?;
        let equals = after.trim_start();
        let Some(value) = equals.strip_prefix('=').map(str::trim_start).filter(|_| begins) else { continue };
        let start = tag.len() - value.len();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        return match quote {
            Some(quote) => value.get(1..)?.split(quote).next().map(|value| (start + 1, value)),
            None => value.split(|c: char| c.is_ascii_whitespace() || c == '>').next().map(|value| (start, value)),
        };
    }
    None
}

fn rewrite_anchor<'t>(tag: &'t str, base: &str, links: &mut Vec<Link>) -> Cow<'t, str> {
    let is_left_alone = tag.to_ascii_lowercase().contains("ses:no-track");
    let Some((at, target)) = attribute(tag, "href").filter(|_| !is_left_alone && links.len() < LINKS) else { return tag.into() };
    let lower = target.to_ascii_lowercase();
    if !(lower.starts_with("http://") || lower.starts_with("https://")) {
        return tag.into();
    }
    let tags = attribute(tag, "ses:tags").map(|(_, value)| value.split(';').filter_map(|pair| pair.split_once(':'))).into_iter().flatten();
    let tags = tags.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect();
    links.push((target.replace("&amp;", "&"), tags));
    let number = links.len();
    let (before, after) = (tag.get(..at).unwrap_or_default(), tag.get(at + target.len()..).unwrap_or_default());
    format!("{before}{base}{number}{after}").into()
}

/// A message whose HTML parts are rewritten. `None`: it has none.
fn rewrite(raw: &[u8], base: &str, wanted: Rewrite, links: &mut Vec<Link>) -> Option<Vec<u8>> {
    let message = MessageParser::new().parse(raw)?;
    let mut out: Vec<u8> = Vec::with_capacity(raw.len() + 1024);
    let mut at = 0;
    for part in &message.parts {
        let PartType::Html(html) = &part.body else { continue };
        if part.attachment_name().is_some() || (part.offset_header as usize) < at {
            continue;
        }
        let (head, body, end) = (part.offset_header as usize, part.offset_body as usize, part.offset_end as usize);
        out.extend_from_slice(raw.get(at..head)?);
        out.extend_from_slice(&rewritten_head(raw.get(head..body)?));
        let page = rewrite_html(html, base, wanted, links);
        let encoded = quoted_printable(&page);
        out.extend_from_slice(encoded.as_bytes());
        // What ends the part before its boundary.
        if raw.get(at..end)?.ends_with(b"\n") && !encoded.ends_with('\n') {
            out.extend_from_slice(b"\r\n");
        }
        at = end;
    }
    if at == 0 {
        return None;
    }
    out.extend_from_slice(raw.get(at..)?);
    Some(out)
}

/// The fields of a part whose text is now UTF-8 in quoted-printable.
fn rewritten_head(head: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(head.len() + 64);
    let text = String::from_utf8_lossy(head).into_owned();
    let mut skips = false;
    for line in text.split_inclusive('\n') {
        let is_continued = line.starts_with([' ', '\t']);
        let lower = line.to_ascii_lowercase();
        if !is_continued {
            skips = lower.starts_with("content-transfer-encoding:") || lower.starts_with("content-type:");
            if lower.starts_with("content-type:") {
                out.extend_from_slice(b"Content-Type: text/html; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n");
            }
        }
        if !skips {
            out.extend_from_slice(line.as_bytes());
        }
    }
    out
}

/// <https://www.rfc-editor.org/rfc/rfc2045#section-6.7>
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive('\n') {
        let (content, end) = match line.strip_suffix('\n') {
            Some(content) => (content.strip_suffix('\r').unwrap_or(content), "\r\n"),
            None => (line, ""),
        };
        let mut column = 0;
        let bytes = content.as_bytes();
        for (index, byte) in bytes.iter().enumerate() {
            let is_last = index + 1 == bytes.len();
            let is_plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !is_last);
            let width = if is_plain { 1 } else { 3 };
            if column + width > 75 {
                out.push_str("=\r\n");
                column = 0;
            }
            if is_plain {
                out.push(char::from(*byte));
            } else {
                out.push_str(&format!("={byte:02X}"));
            }
            column += width;
        }
        out.push_str(end);
    }
    out
}

impl Ses {
    /// The message with links that are followed, if its configuration set wants to know of opens or clicks.
    pub fn tracked(&self, cx: &Cx, id: &str, raw: Vec<u8>, set: Option<&ConfigurationSet>) -> (Vec<u8>, Option<Vec<Link>>) {
        let Some(wanted) = set.and_then(Rewrite::of) else { return (raw, None) };
        let base = format!("{}/_cloudlet/mail-links/{id}.", cx.endpoint());
        let mut links = vec![];
        match rewrite(&raw, &base, wanted, &mut links) {
            Some(rewritten) => (rewritten, Some(links)),
            None => (raw, None),
        }
    }

    /// Remembers what the links of a mail lead to.
    pub fn remember_links(&self, cx: &Cx, id: &str, set: &str, mail: String, links: Vec<Link>) {
        let expires = cx.now.plus_secs(limits::TRACKED_SECONDS);
        let row = Tracked { scope: cx.scope.clone(), configuration_set: set.to_owned(), mail, links, expires };
        self.store.update(|state| {
            state.tracked.purge(cx.now.millis(), usize::MAX);
            state.tracked.insert(id.into(), Arc::new(row));
        });
    }

    /// Somebody visits a link of a mail. The answer is where it leads, or `None` of it for the image.
    pub fn follow(&self, cx: &Cx, token: &str, visitor: LinkClient) -> Option<Option<String>> {
        let (id, number) = token.rsplit_once('.')?;
        let number: usize = number.parse().ok()?;
        let tracked = self.store.read(|state| state.tracked.get_live(id, cx.now.millis()).cloned())?;
        let Some(index) = number.checked_sub(1) else {
            self.tell_later(cx, &tracked.scope, &tracked.configuration_set, &tracked.mail, &Happened::Opened { visitor });
            return Some(None);
        };
        let (link, tags) = tracked.links.get(index)?.clone();
        let clicked = Happened::Clicked { visitor, link: link.clone(), tags };
        self.tell_later(cx, &tracked.scope, &tracked.configuration_set, &tracked.mail, &clicked);
        Some(Some(link))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Rewrite = Rewrite { opens: true, clicks: true };

    #[test]
    fn links_are_numbered_and_an_image_ends_the_page() {
        let page = "<html><body><a class=x href=\"https://a.com/?b=1&amp;c=2\" ses:tags=\"k:v;l:w\">a</a><abbr>x</abbr>\
                    <A HREF='http://b.com'>b</A><a href=mailto:x@y.z>m</a><a ses:no-track href=\"https://c.com\">c</a></body></html>";
        let mut links = vec![];
        let out = rewrite_html(page, "http://h/m.", BOTH, &mut links);
        let tags = vec![("k".to_owned(), "v".to_owned()), ("l".to_owned(), "w".to_owned())];
        assert_eq!(links, [("https://a.com/?b=1&c=2".to_owned(), tags), ("http://b.com".to_owned(), vec![])]);
        assert!(out.contains("<a class=x href=\"http://h/m.1\"") && out.contains("<A HREF='http://h/m.2'>"), "{out}");
        assert!(out.contains("mailto:x@y.z") && out.contains("\"https://c.com\""), "{out}");
        assert!(out.ends_with("width: 1px; height: 1px;\"></body></html>"), "{out}");
    }

    #[test]
    fn html_parts_are_rewritten_in_place() {
        let raw = b"Subject: x\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nhttp://a.com\r\n--b\r\n\
                    Content-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=iso-8859-1\r\n\r\nPGEgaHJlZj0iaHR0cDovL2EuY29tIj7kPC9hPg==\r\n\
                    --b--\r\n";
        let mut links = vec![];
        let out = rewrite(raw, "http://h/m.", BOTH, &mut links).unwrap();
        let message = MessageParser::new().parse(&out).unwrap();
        assert_eq!(message.body_text(0).unwrap().trim(), "http://a.com");
        assert!(message.body_html(0).unwrap().starts_with("<a href=\"http://h/m.1\">ä</a><img"), "{}", message.body_html(0).unwrap());
        assert_eq!(message.parts.len(), 3);
    }
}
