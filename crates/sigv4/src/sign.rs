//! Signing as a client does: for presigned URLs that the server makes, and for tests.

use crate::{
    Flavor, Location, SigningKey,
    canonical::{self, Covered, Form},
    escape,
};
use cloudlet_aws::{Head, Headers, Timestamp};

/// Credentials and scope to sign with.
#[derive(Clone, Copy, Debug)]
pub struct Signer<'a> {
    pub access_key: &'a str,
    pub secret: &'a str,
    pub session_token: Option<&'a str>,
    pub region: &'a str,
    pub service: &'a str,
    pub flavor: Flavor,
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

impl Signer<'_> {
    fn scope(&self, date: &str) -> String {
        format!("{}/{}/{}/aws4_request", date.get(..8).unwrap_or(date), self.region, self.service)
    }

    fn text(&self, head: &Head<'_>, covered: Covered<'_>, payload_hash: &str, date: &str) -> String {
        let form = Form::of(self.flavor).first().copied().unwrap_or_default();
        let request = canonical::request(head, covered, payload_hash, form);
        canonical::string_to_sign(ALGORITHM, date, &self.scope(date), &request)
    }

    fn sign(&self, text: &str, date: &str) -> String {
        let day = date.get(..8).unwrap_or(date);
        SigningKey::derive(self.secret, day, self.region, self.service).sign(text.as_bytes()).as_str().to_owned()
    }

    /// The headers to add to a request, `authorization` last. All headers that it has already are signed; it must have a host.
    pub fn headers(&self, head: &Head<'_>, payload_hash: &str, now: Timestamp) -> Vec<(String, String)> {
        self.headers_with(head, payload_hash, now, &|text| self.sign(text, &now.basic()))
    }

    /// The same with a signature of another kind: that of a machine's own key.
    pub fn headers_with(&self, head: &Head<'_>, payload_hash: &str, now: Timestamp, sign: &dyn Fn(&str) -> String) -> Vec<(String, String)> {
        let date = now.basic();
        let mut added = vec![("x-amz-date".to_owned(), date.clone())];
        if self.flavor == Flavor::S3 {
            added.push(("x-amz-content-sha256".to_owned(), payload_hash.to_owned()));
        }
        if let Some(token) = self.session_token {
            added.push(("x-amz-security-token".to_owned(), token.to_owned()));
        }
        let mut all = fields(head.headers);
        all.extend(added.iter().cloned());
        let signed = names(&all);
        let covered = Covered { signed_headers: &signed, location: Location::Header };
        let signature = sign(&self.text(&Head { headers: &all, ..*head }, covered, payload_hash, &date));
        let (access_key, scope) = (self.access_key, self.scope(&date));
        added.push((
            "authorization".to_owned(),
            format!("{ALGORITHM} Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}"),
        ));
        added
    }

    /// The whole query of a presigned request, valid for this many seconds. The request's headers are all signed: the user of the URL
    /// must send them.
    pub fn presign(&self, head: &Head<'_>, payload_hash: &str, seconds: u32, now: Timestamp) -> String {
        let date = now.basic();
        let signed = names(&fields(head.headers));
        let mut query = String::with_capacity(head.query.len() + 400);
        if !head.query.is_empty() {
            query.push_str(head.query);
            query.push('&');
        }
        let credential = format!("{}/{}", self.access_key, self.scope(&date));
        query.push_str("X-Amz-Algorithm=");
        query.push_str(ALGORITHM);
        for (name, value) in [
            ("X-Amz-Credential", credential.as_str()),
            ("X-Amz-Date", &date),
            ("X-Amz-Expires", &seconds.to_string()),
            ("X-Amz-SignedHeaders", &signed),
        ]
        .into_iter()
        .chain(self.session_token.map(|token| ("X-Amz-Security-Token", token)))
        {
            query.push('&');
            query.push_str(name);
            query.push('=');
            query.push_str(&escape::component(value));
        }
        let covered = Covered { signed_headers: &signed, location: Location::Query };
        let signature = self.sign(&self.text(&Head { query: &query, ..*head }, covered, payload_hash, &date), &date);
        query.push_str("&X-Amz-Signature=");
        query.push_str(&signature);
        query
    }
}

fn fields(headers: &dyn Headers) -> Vec<(String, String)> {
    let mut all = Vec::new();
    headers.each(&mut |name, value| all.push((name.to_owned(), value.to_owned())));
    all
}

fn names(fields: &[(String, String)]) -> String {
    let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(";")
}
