//! AssumeRoleWithSAML: a session of a role for a response of a SAML provider.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html>
//! Messages: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html> and the issues of clients.

use crate::{
    Sts,
    federated::{Claims, FederatedIdentity, SessionParameters, not_authorized},
    roles::{Role, duration_within},
    sessions::{VALIDATION, minimum_token_size, session_tags, token_size_output},
};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_sts::{
    AssumeRoleWithSAML, AssumeRoleWithSAMLRequest, AssumeRoleWithSAMLResponse, Tag,
    faults::{EXPIRED_TOKEN, IDP_REJECTED_CLAIM, INVALID_IDENTITY_TOKEN},
};
use cloudlet_aws::{Account, Arn, Fault, Timestamp};
use cloudlet_engine::{Cx, Handle, Permission, Permissions};
use cloudlet_identity::{EntityKey, SessionKind};
use cloudlet_saml::{Assertion, Encryption, Metadata, PrivateKey, ResponseError, read};
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRoleWithSAML";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
/// "Token must be redeemed within 5 minutes of issuance", and the clocks of providers may be that far off.
const REDEEMED_WITHIN: i64 = 300;
const SHORTEST_SECONDS: i32 = 900;

/// Attributes that directories send, and the condition keys they become.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html#saml-attribute-mapping>
const MAPPED: [(&str, &str); 31] = [
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "saml:eduPersonAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "saml:eduPersonNickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "saml:eduPersonOrgDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.4", "saml:eduPersonOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "saml:eduPersonPrimaryAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "saml:eduPersonPrincipalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "saml:eduPersonEntitlement"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "saml:eduPersonPrimaryOrgUnitDN"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "saml:eduPersonScopedAffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "saml:eduPersonTargetedID"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "saml:eduPersonAssurance"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "saml:eduOrgHomePageURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.3", "saml:eduOrgIdentityAuthNPolicyURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "saml:eduOrgLegalName"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "saml:eduOrgSuperiorURI"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.6", "saml:eduOrgWhitePagesURI"),
    ("urn:oid:2.5.4.3", "saml:cn"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "saml:name"),
    ("http://schemas.xmlsoap.org/claims/CommonName", "saml:commonName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "saml:givenName"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "saml:surname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "saml:mail"),
    // AWS: the table says `uid`; the list of condition keys has one of the attribute's own name, which nothing else could fill.
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "saml:uid"),
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "saml:primaryGroupSID"),
    ("2.5.4.3", "saml:commonName"),
    ("2.5.4.4", "saml:surname"),
    ("2.4.5.42", "saml:givenName"),
    ("2.5.4.45", "saml:x500UniqueIdentifier"),
    ("0.9.2342.19200300100.1.1", "saml:uid"),
    ("0.9.2342.19200300100.1.3", "saml:mail"),
    ("0.9.2342.19200300.100.1.45", "saml:organizationStatus"),
];

/// AWS's sign-in endpoints, global, regional and of other partitions, and the entity ids of AWS's metadata.
fn is_aws_audience(audience: &str) -> bool {
    const HOSTS: [&str; 3] = ["signin.aws.amazon.com", "signin.amazonaws.cn", "signin.amazonaws-us-gov.com"];
    if audience == "urn:amazon:webservices" || audience.starts_with("urn:amazon:webservices:") {
        return true;
    }
    let Some((host, path)) = audience.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let is_host = |known: &str| host.strip_suffix(known).is_some_and(|region| region.is_empty() || region.ends_with('.'));
    HOSTS.into_iter().any(is_host) && (path == "saml" || path == "static/saml" || path.starts_with("saml/acs/"))
}

/// `[\w+=,.@-]{2,64}`
fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// The provider of a request.
struct Provider {
    arn: String,
    account: Account,
    name: String,
    metadata: Metadata,
    keys: Vec<PrivateKey>,
    requires_encryption: bool,
}

impl Sts {
    fn saml_provider(&self, arn: &str) -> Result<Provider, Fault> {
        let invalid = || VALIDATION.says("Request ARN is invalid");
        let parsed = Arn::parse(arn).ok_or_else(invalid)?;
        let name = arn.split_once(":saml-provider/").map(|(_, name)| name.to_owned()).ok_or_else(invalid)?;
        let account = Account::parse(parsed.account()).ok_or_else(invalid)?;
        let row = self.identity.read(|state| state.saml_providers.get(&EntityKey::new(account, &name)).filter(|row| row.name == name).cloned());
        let read = row.and_then(|row| Some((Metadata::parse(&row.metadata)?, row)));
        let (metadata, row) = read.ok_or_else(|| INVALID_IDENTITY_TOKEN.says("Specified provider doesn't exist."))?;
        let keys = row.private_keys.iter().filter_map(|key| PrivateKey::from_pem(key.pem.reveal())).collect();
        Ok(Provider {
            arn: arn.to_owned(),
            account,
            name,
            metadata,
            keys,
            requires_encryption: row.assertion_encryption_mode.as_deref() == Some("Required"),
        })
    }
}

fn response_fault(error: ResponseError) -> Fault {
    match error {
        ResponseError::NotAResponse => INVALID_IDENTITY_TOKEN.says("Invalid base64 SAMLResponse"),
        ResponseError::Issuer => INVALID_IDENTITY_TOKEN.says("Issuer not present in specified provider"),
        ResponseError::Signature => INVALID_IDENTITY_TOKEN.says("Response signature invalid"),
        // AWS: unverified: the texts of these four.
        ResponseError::AuthenticationFailed => IDP_REJECTED_CLAIM.says("The identity provider reported that authentication failed."),
        ResponseError::NotDecrypted => INVALID_IDENTITY_TOKEN.says("The SAML assertion is encrypted, and no private key can decrypt it."),
        ResponseError::NotEncrypted => INVALID_IDENTITY_TOKEN.says("The SAML assertion is not encrypted, and the provider requires it to be."),
        ResponseError::Incomplete => INVALID_IDENTITY_TOKEN.says("Your request included an invalid SAML response."),
    }
}

/// Checks the validity period and the audience of an assertion.
fn check(assertion: &Assertion, now: Timestamp) -> Result<(), Fault> {
    let ends = [Some(assertion.confirmed_until), assertion.not_on_or_after, assertion.session_not_on_or_after];
    if ends.into_iter().flatten().any(|end| now >= end) {
        return Err(EXPIRED_TOKEN.says("Response has expired"));
    }
    if now > assertion.issued.plus_secs(REDEEMED_WITHIN) {
        return Err(EXPIRED_TOKEN.says("Token must be redeemed within 5 minutes of issuance"));
    }
    let begins = [Some(assertion.issued), assertion.not_before];
    if begins.into_iter().flatten().any(|begin| now.plus_secs(REDEEMED_WITHIN) < begin) {
        // AWS: unverified
        return Err(INVALID_IDENTITY_TOKEN.says("Response is not yet valid"));
    }
    let fits = !assertion.audiences.is_empty() && assertion.audiences.iter().all(|any| any.iter().any(|audience| is_aws_audience(audience)));
    if !fits || !is_aws_audience(&assertion.recipient) {
        return Err(INVALID_IDENTITY_TOKEN.says("Response does not contain the required audience."));
    }
    Ok(())
}

/// `persistent`, `transient`, or another format of the provider.
fn subject_type(assertion: &Assertion) -> String {
    let format = assertion.subject_format.as_deref().unwrap_or("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified");
    format.strip_prefix("urn:oasis:names:tc:SAML:2.0:nameid-format:").unwrap_or(format).to_owned()
}

/// AWS: `BASE64 ( SHA1 ( "https://example.com/saml" + "123456789012" + "/MySAMLIdP" ) )`
fn name_qualifier(assertion: &Assertion, provider: &Provider) -> String {
    let text = format!("{}{}/{}", assertion.issuer, provider.account, provider.name);
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

/// The condition keys of the subject: for the trust policy, and for the calls of the session.
fn subject_keys(assertion: &Assertion, provider: &Provider) -> Claims {
    let one = |name: &str, value: String| (name.into(), vec![value.into()]);
    vec![
        one("saml:sub", assertion.subject.clone()),
        one("saml:sub_type", subject_type(assertion)),
        one("saml:namequalifier", name_qualifier(assertion, provider)),
    ]
}

/// The condition keys of the trust policy only.
fn trust_keys(assertion: &Assertion, provider: &Provider) -> Claims {
    let one = |name: &str, value: String| (name.into(), vec![value.into()]);
    let mut keys: Claims = vec![
        one("saml:aud", assertion.recipient.clone()),
        one("saml:iss", assertion.issuer.clone()),
        one("saml:doc", format!("{}/{}", provider.account, provider.name)),
    ];
    for (attribute, key) in MAPPED {
        let values: Vec<Arc<str>> = assertion.attribute(attribute).map(Into::into).collect();
        // AWS: "If you include more than one, only one claim will be mapped."
        if !values.is_empty() && !keys.iter().any(|(known, _)| **known == *key) {
            keys.push((key.into(), values));
        }
    }
    keys
}

fn federated_identity(assertion: &Assertion, provider: &Provider) -> Result<FederatedIdentity, Fault> {
    let attribute = |name: &str| assertion.attribute(&format!("{ATTRIBUTES}{name}")).map(str::to_owned).collect::<Vec<String>>();
    let session_name = attribute("RoleSessionName").into_iter().next();
    let session_name = session_name.ok_or_else(|| INVALID_IDENTITY_TOKEN.says("RoleSessionName is required in AuthnResponse"))?;
    if !is_session_name(&session_name) {
        return Err(INVALID_IDENTITY_TOKEN.says("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
    }
    let source = attribute("SourceIdentity").into_iter().next();
    if source.as_deref().is_some_and(|source| !is_session_name(source) || source.starts_with("aws:")) {
        return Err(INVALID_IDENTITY_TOKEN.says("Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\""));
    }
    let prefix = format!("{ATTRIBUTES}PrincipalTag:");
    let tag = |attribute: &cloudlet_saml::Attribute| {
        let key = attribute.name.strip_prefix(&prefix)?.to_owned();
        Some(Tag { key, value: attribute.values.first().cloned().unwrap_or_default() })
    };
    let tags: Vec<Tag> = assertion.attributes.iter().filter_map(tag).collect();
    let (tags, transitive) = session_tags(Some(&tags), Some(&attribute("TransitiveTagKeys")))?;
    let claims = [subject_keys(assertion, provider), trust_keys(assertion, provider)].concat();
    let provider = provider.arn.clone();
    Ok(FederatedIdentity {
        action: ACTION,
        provider,
        session_name,
        claims,
        tags,
        transitive_tag_keys: transitive,
        source_identity: source.map(Into::into),
    })
}

/// Whether the assertion has the role: `role,provider`, in either order.
fn has_role(assertion: &Assertion, role: &str, provider: &str) -> bool {
    let fits =
        |pair: &str| pair.split_once(',').map(|(a, b)| (a.trim(), b.trim())).is_some_and(|pair| pair == (role, provider) || pair == (provider, role));
    assertion.attribute(&format!("{ATTRIBUTES}Role")).any(fits)
}

/// AWS: "until the time specified in the SAML authentication response's SessionNotOnOrAfter value, whichever is shorter"; the
/// attribute SessionDuration "can be used to shorten the duration of the session".
fn seconds(assertion: &Assertion, role: &Role, requested: Option<i32>, now: Timestamp) -> Result<i32, Fault> {
    let seconds = duration_within(requested, role)?;
    let attribute = assertion.attribute(&format!("{ATTRIBUTES}SessionDuration")).next().and_then(|text| text.parse::<i32>().ok());
    let attribute = attribute.filter(|seconds| *seconds >= SHORTEST_SECONDS);
    let left = assertion.session_not_on_or_after.map(|end| i32::try_from(end.secs().saturating_sub(now.secs())).unwrap_or(i32::MAX));
    Ok([attribute, left].into_iter().flatten().fold(seconds, i32::min))
}

impl Handle<AssumeRoleWithSAML> for Sts {
    /// The call is not signed. It is authorized by the role's trust policy, after the response was verified.
    fn permissions(&self, _: &Cx, _: &AssumeRoleWithSAMLRequest) -> Result<Permissions, Fault> {
        Ok(Permission::none())
    }

    async fn handle(&self, cx: &Cx, input: AssumeRoleWithSAMLRequest) -> Result<AssumeRoleWithSAMLResponse, Fault> {
        if !input.role_arn.contains(":role/") {
            return Err(VALIDATION.says("Request ARN is invalid"));
        }
        let provider = self.saml_provider(&input.principal_arn)?;
        let encryption = if provider.requires_encryption { Encryption::Required(&provider.keys) } else { Encryption::Allowed(&provider.keys) };
        let assertion = read(&input.saml_assertion, &provider.metadata, encryption).map_err(response_fault)?;
        check(&assertion, cx.now)?;
        let identity = federated_identity(&assertion, &provider)?;
        let (_, role) = self.role(&input.role_arn)?;
        let is_allowed = |role: &Role| role.account == provider.account && has_role(&assertion, &input.role_arn, &input.principal_arn);
        let role = role.filter(is_allowed).ok_or_else(|| not_authorized(ACTION))?;
        identity.authorize::<AssumeRoleWithSAML>(cx, &role)?;

        let seconds = seconds(&assertion, &role, input.duration_seconds, cx.now)?;
        let session_policies = self.session_policies(role.account, input.policy.as_deref(), input.policy_arns.as_deref(), &identity.tags)?;
        let packed = session_policies.packed_size;
        let source = identity.source_identity.clone();
        let claims = subject_keys(&assertion, &provider);
        let parameters = SessionParameters {
            kind: SessionKind::Saml,
            seconds,
            session_policies,
            minimum_token_size: minimum_token_size(input.minimum_session_token_size),
            claims,
        };
        let (user, credentials) = self.start_federated_session(cx, &role, identity, parameters);
        let (session_token_size, session_token_utilization) = token_size_output(input.minimum_session_token_size, &credentials);
        Ok(AssumeRoleWithSAMLResponse {
            credentials: Some(credentials),
            assumed_role_user: Some(user),
            packed_policy_size: packed,
            subject: Some(assertion.subject.clone()),
            subject_type: Some(subject_type(&assertion)),
            name_qualifier: Some(name_qualifier(&assertion, &provider)),
            issuer: Some(assertion.issuer),
            audience: Some(assertion.recipient),
            source_identity: source.map(|source| source.to_string()),
            session_token_utilization,
            session_token_size,
        })
    }
}
