//! HTTPS with certificates of a CA that is made for this server, and stored when there is a data folder.

use crate::configuration::Configuration;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use std::{collections::HashMap, fmt, fs, path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// The CA and the certificates that it signs.
pub struct Authority {
    /// The CA's certificate as PEM: what clients must trust.
    pub certificate: String,
    certificates: Certificates,
}

/// One certificate for the names that most clients use, and others when a client needs them: buckets in other regions, names with dots.
struct Certificates {
    names: Vec<String>,
    issuer: Issuer<'static, KeyPair>,
    key: KeyPair,
    default: Arc<CertifiedKey>,
    others: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// How many other certificates are remembered. Another one costs a signature.
const MAX_OTHERS: usize = 1_000;

impl Authority {
    pub fn of(configuration: &Configuration) -> Result<Authority, String> {
        let text = |error: rcgen::Error| format!("the TLS certificate cannot be made: {error}");
        let (certificate, key) = match &configuration.data_dir {
            Some(folder) => stored(folder)?,
            None => new_ca().map_err(text)?,
        };
        let ca_key = KeyPair::from_pem(&key).map_err(text)?;
        let issuer = Issuer::new(ca(), ca_key);
        let mut names = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
        for base in &configuration.names {
            names.push(base.clone());
            for prefix in ["*", "*.s3", &format!("*.s3.{}", configuration.region), &format!("*.{}", configuration.region)] {
                names.push(format!("{prefix}.{base}"));
            }
        }
        let key = KeyPair::generate().map_err(text)?;
        let default = Arc::new(certified(&names, &key, &issuer)?);
        Ok(Authority { certificate, certificates: Certificates { names, issuer, key, default, others: Mutex::default() } })
    }

    pub fn acceptors(self) -> Result<Acceptors, String> {
        let text = |error: rustls::Error| format!("TLS cannot start: {error}");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mail = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(text)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self.certificates));
        let mut http = mail.clone();
        http.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Acceptors { http: TlsAcceptor::from(Arc::new(http)), mail: TlsAcceptor::from(Arc::new(mail)) })
    }
}

/// What takes connections over TLS, with the same certificates.
pub struct Acceptors {
    pub http: TlsAcceptor,
    pub mail: TlsAcceptor,
}

impl Certificates {
    fn named(&self, name: &str) -> Arc<CertifiedKey> {
        let name = name.to_ascii_lowercase();
        let is_covered = |known: &String| match known.strip_prefix('*') {
            // A star stands for one label.
            Some(rest) => name.strip_suffix(rest).is_some_and(|label| !label.is_empty() && !label.contains('.')),
            None => *known == name,
        };
        let is_below = |base: &String| name.strip_suffix(base.as_str()).is_some_and(|rest| rest.ends_with('.'));
        if self.names.iter().any(is_covered) || !self.names.iter().any(is_below) {
            return self.default.clone();
        }
        let mut others = self.others.lock();
        if let Some(there) = others.get(&name) {
            return there.clone();
        }
        if others.len() >= MAX_OTHERS {
            others.clear();
        }
        match certified(std::slice::from_ref(&name), &self.key, &self.issuer) {
            Ok(made) => others.entry(name).or_insert(Arc::new(made)).clone(),
            Err(why) => {
                tracing::warn!(name, why, "no certificate for this name");
                self.default.clone()
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(hello.server_name().map_or_else(|| self.default.clone(), |name| self.named(name)))
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").field("names", &self.names).finish_non_exhaustive()
    }
}

fn certified(names: &[String], key: &KeyPair, issuer: &Issuer<'static, KeyPair>) -> Result<CertifiedKey, String> {
    let text = |error: rcgen::Error| format!("the TLS certificate cannot be made: {error}");
    let mut params = CertificateParams::new(names).map_err(text)?;
    params.distinguished_name = common_name("Cloudlet");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let certificate = params.signed_by(key, issuer).map_err(text)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&der).map_err(|error| format!("the TLS key cannot be used: {error}"))?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

/// The CA of a data folder, made on first use. Only its owner may read the key.
fn stored(folder: &Path) -> Result<(String, String), String> {
    let (certificate, key) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
    if certificate.exists() && key.exists() {
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        return Ok((read(&certificate)?, read(&key)?));
    }
    let made = new_ca().map_err(|error| format!("the CA cannot be made: {error}"))?;
    fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    write_private(&key, &made.1).map_err(|error| format!("cannot write {}: {error}", key.display()))?;
    fs::write(&certificate, &made.0).map_err(|error| format!("cannot write {}: {error}", certificate.display()))?;
    Ok(made)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn new_ca() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok((ca().self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The CA's certificate but for its key: the same whenever it is made.
fn ca() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name("Cloudlet local CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_default(certificates: &Certificates, name: &str) -> bool {
        Arc::ptr_eq(&certificates.named(name), &certificates.default)
    }

    #[test]
    fn names_below_the_servers_own_get_certificates_of_their_own() {
        let certificates = Authority::of(&crate::configuration::defaults()).unwrap().certificates;
        for name in ["localhost", "bucket.s3.us-east-1.amazonaws.com", "SNS.us-east-1.amazonaws.com", "sqs.localhost", "elsewhere.example"] {
            assert!(is_default(&certificates, name), "{name}");
        }
        for name in ["sns.eu-west-1.amazonaws.com", "a.b.c.s3.eu-west-1.amazonaws.com", "dotted.bucket.s3.localhost"] {
            assert!(!is_default(&certificates, name), "{name}");
            assert!(Arc::ptr_eq(&certificates.named(name), &certificates.named(name)), "{name} is made once");
        }
    }
}
