//! The address of an endpoint.

use base64::{Engine, prelude::BASE64_STANDARD};
use cloudlet_engine::SendError;
use http::Uri;
use percent_encoding::percent_decode_str;

#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// As it stands in the Host field.
    pub authority: String,
    pub path: String,
    /// The Authorization field of `user:password@`.
    pub login: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Http,
    Https,
}

impl Address {
    pub fn read(url: &str) -> Result<Address, SendError> {
        // Without the address, which may have a password: the text is logged.
        let bad = |why: &str| SendError::InvalidAddress(why.to_owned());
        let uri: Uri = url.split('#').next().unwrap_or(url).parse().map_err(|_| bad("the address is not a URL"))?;
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(bad("the address is neither http nor https")),
        };
        let authority = uri.authority().ok_or_else(|| bad("the address has no host"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if scheme == Scheme::Http { 80 } else { 443 });
        let (login, authority) = match authority.as_str().rsplit_once('@') {
            Some((login, rest)) => {
                let login: Vec<u8> = percent_decode_str(login).collect();
                (Some(format!("Basic {}", BASE64_STANDARD.encode(login))), rest)
            }
            None => (None, authority.as_str()),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Address { scheme, host, port, authority: authority.to_owned(), path, login })
    }

    /// The name that is connected to. All below `localhost` are this machine, which resolvers often do not know: RFC 6761, section 6.3. The URLs of
    /// functions are such names.
    pub fn machine(&self) -> &str {
        let is_below = self.host.to_ascii_lowercase().trim_end_matches('.').ends_with(".localhost");
        if is_below { "localhost" } else { &self.host }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_below_localhost_are_this_machine() {
        let machine = |url: &str| Address::read(url).unwrap().machine().to_owned();
        assert_eq!(machine("http://abc.lambda-url.us-east-1.LocalHost:4566/x"), "localhost");
        for host in ["localhost", "notlocalhost", "localhost.example.com", "192.0.2.1"] {
            assert_eq!(machine(&format!("http://{host}/")), host);
        }
    }

    #[test]
    fn an_address_has_host_port_path_and_login() {
        let address = Address::read("https://ann:s%40crt@[::1]:8443/hook?a=b#c").unwrap();
        assert_eq!((address.scheme, address.host.as_str(), address.port), (Scheme::Https, "::1", 8443));
        assert_eq!((address.authority.as_str(), address.path.as_str()), ("[::1]:8443", "/hook?a=b"));
        assert_eq!(address.login.as_deref(), Some("Basic YW5uOnNAY3J0"));
        assert_eq!(Address::read("http://localhost").unwrap().port, 80);
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in ["", "localhost", "ftp://x/", "http://", "http://a b/", "/path"] {
            assert!(matches!(Address::read(url), Err(SendError::InvalidAddress(_))), "{url}");
        }
    }
}
