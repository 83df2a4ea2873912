//! HTTPS with a certificate of a CA that is made for this server, and kept when there is a data folder.

use crate::configuration::Configuration;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use std::{fs, path::Path, sync::Arc};
use tokio_rustls::TlsAcceptor;

/// The CA and what it vouches for.
pub struct Authority {
    /// The CA's certificate as PEM: what clients are told to trust.
    pub certificate: String,
    server: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn of(configuration: &Configuration) -> Result<Authority, String> {
        let told = |error: rcgen::Error| format!("the TLS certificate cannot be made: {error}");
        let (certificate, key) = match &configuration.data_dir {
            Some(folder) => kept(folder)?,
            None => fresh().map_err(told)?,
        };
        let ca_key = KeyPair::from_pem(&key).map_err(told)?;
        let issuer = Issuer::new(ca(), ca_key);
        let mut names = vec!["127.0.0.1".to_owned(), "::1".to_owned()];
        for base in &configuration.names {
            names.push(base.clone());
            for prefix in ["*", "*.s3", &format!("*.s3.{}", configuration.region), &format!("*.{}", configuration.region)] {
                names.push(format!("{prefix}.{base}"));
            }
        }
        let mut params = CertificateParams::new(names).map_err(told)?;
        params.distinguished_name = called("Cloudlet");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let server_key = KeyPair::generate().map_err(told)?;
        let server = params.signed_by(&server_key, &issuer).map_err(told)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        Ok(Authority { certificate, server: server.der().clone(), key })
    }

    pub fn acceptor(&self) -> Result<TlsAcceptor, String> {
        let told = |error: rustls::Error| format!("TLS cannot start: {error}");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(told)?
            .with_no_client_auth()
            .with_single_cert(vec![self.server.clone()], self.key.clone_key())
            .map_err(told)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(server)))
    }
}

/// The CA of a data folder, made on first use. Only its owner may read the key.
fn kept(folder: &Path) -> Result<(String, String), String> {
    let (certificate, key) = (folder.join("ca.pem"), folder.join("ca-key.pem"));
    if certificate.exists() && key.exists() {
        let read = |path: &Path| fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()));
        return Ok((read(&certificate)?, read(&key)?));
    }
    let made = fresh().map_err(|error| format!("the CA cannot be made: {error}"))?;
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

fn fresh() -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    Ok((ca().self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The CA's certificate but for its key: the same whenever it is made.
fn ca() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = called("Cloudlet local CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn called(name: &str) -> DistinguishedName {
    let mut called = DistinguishedName::new();
    called.push(DnType::CommonName, name);
    called
}
