use super::fixture::*;
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use cloudlet_api_sts::*;
use cloudlet_aws::{Caller, Timestamp, TimestampFormat};
use cloudlet_identity::{EntityKey, state::SamlProvider};
use std::sync::LazyLock;

/// The key and certificate of a provider. Generating them is slow, so they are shared.
static KEY: LazyLock<(RsaKeyPair, String)> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["idp.example.com".into()]).unwrap().self_signed(&key).unwrap();
    (RsaKeyPair::from_pkcs8(&key.serialize_der()).unwrap(), STANDARD.encode(certificate.der()))
});

const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/Corp";
const ROLE: &str = "arn:aws:iam::123456789012:role/staff";
const ISSUER: &str = "https://idp.example.com/saml";

fn trust(actions: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"Federated":"{PROVIDER}"}},"Action":{actions},"Condition":{condition}}}}}"#
    )
}

fn cloud(trust: &str) -> TestCloud {
    let cloud = TestCloud::new();
    let metadata = format!(
        r#"<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}"><IDPSSODescriptor><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"#,
        KEY.1
    );
    let row = SamlProvider {
        name: "Corp".into(),
        uuid: "SAMLPROVIDERX".into(),
        metadata: metadata.into(),
        created: cloud.now(),
        valid_until: cloud.now(),
        assertion_encryption_mode: None,
        private_keys: vec![],
        tags: vec![],
    };
    cloud.put(|state| state.saml_providers.insert(EntityKey::new(account(), "Corp"), row));
    cloud.role("staff", trust, None);
    cloud
}

/// A cloud with a role that trusts the provider.
fn with_role() -> TestCloud {
    cloud(&trust(
        r#"["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"]"#,
        r#"{"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml","saml:iss":"https://idp.example.com/saml","saml:doc":"123456789012/Corp"}}"#,
    ))
}

fn time(at: Timestamp) -> String {
    at.text(TimestampFormat::DateTime)
}

struct Response {
    issued: i64,
    valid: i64,
    recipient: &'static str,
    audience: &'static str,
    session: Option<&'static str>,
    session_ends: Option<i64>,
    attributes: Vec<(String, &'static str)>,
}

fn valid() -> Response {
    Response {
        issued: 0,
        valid: 120,
        recipient: "https://signin.aws.amazon.com/saml",
        audience: "https://signin.aws.amazon.com/saml",
        session: Some("alice@example.com"),
        session_ends: None,
        attributes: vec![(aws("Role"), "arn:aws:iam::123456789012:role/staff,arn:aws:iam::123456789012:saml-provider/Corp")],
    }
}

fn aws(name: &str) -> String {
    format!("https://aws.amazon.com/SAML/Attributes/{name}")
}

/// A signed response in base64.
fn response(cloud: &TestCloud, fields: Response) -> String {
    let issued = cloud.now().plus_secs(fields.issued);
    let valid = time(cloud.now().plus_secs(fields.valid));
    let mut attributes = fields.attributes;
    attributes.extend(fields.session.map(|name| (aws("RoleSessionName"), name)));
    let attribute = |(name, value): &(String, &str)| format!(r#"<Attribute Name="{name}"><AttributeValue>{value}</AttributeValue></Attribute>"#);
    let attributes: String = attributes.iter().map(attribute).collect();
    let ends = fields.session_ends.map(|end| format!(r#" SessionNotOnOrAfter="{}""#, time(cloud.now().plus_secs(end)))).unwrap_or_default();
    let (recipient, audience) = (fields.recipient, fields.audience);
    let assertion = format!(
        r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" IssueInstant="{}" Version="2.0"><Issuer>{ISSUER}</Issuer>{{signature}}<Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">alice</NameID><SubjectConfirmation><SubjectConfirmationData NotOnOrAfter="{valid}" Recipient="{recipient}"/></SubjectConfirmation></Subject><Conditions NotOnOrAfter="{valid}"><AudienceRestriction><Audience>{audience}</Audience></AudienceRestriction></Conditions><AuthnStatement{ends}/><AttributeStatement>{attributes}</AttributeStatement></Assertion>"#,
        time(issued)
    );
    let covered = cloudlet_saml::canonical(&assertion.replace("{signature}", "")).unwrap();
    let info = format!(
        r##"<SignedInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI="#_1"><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue>{}</DigestValue></Reference></SignedInfo>"##,
        STANDARD.encode(digest(&SHA256, covered.as_bytes()))
    );
    let mut value = vec![0; KEY.0.public_modulus_len()];
    KEY.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), cloudlet_saml::canonical(&info).unwrap().as_bytes(), &mut value).unwrap();
    let signature = format!(
        r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">{info}<SignatureValue>{}</SignatureValue></Signature>"#,
        STANDARD.encode(&value)
    );
    let assertion = assertion.replace("{signature}", &signature);
    let status = r#"<p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>"#;
    STANDARD.encode(format!(r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol">{status}{assertion}</p:Response>"#))
}

fn request(response: String) -> AssumeRoleWithSAMLRequest {
    AssumeRoleWithSAMLRequest { role_arn: ROLE.into(), principal_arn: PROVIDER.into(), saml_assertion: response, ..Default::default() }
}

async fn assume(cloud: &TestCloud, input: AssumeRoleWithSAMLRequest) -> Result<AssumeRoleWithSAMLResponse, (String, String)> {
    let answer = cloud.call_as::<AssumeRoleWithSAML>(Caller::anonymous(), input).await;
    answer.map_err(|fault| (fault.code().to_owned(), fault.message().to_owned()))
}

async fn fault_of(cloud: &TestCloud, fields: Response) -> (String, String) {
    assume(cloud, request(response(cloud, fields))).await.err().unwrap()
}

#[tokio::test]
async fn a_response_of_a_known_provider_assumes_a_role_that_trusts_it() {
    let cloud = with_role();
    let answer = assume(&cloud, request(response(&cloud, valid()))).await.unwrap();
    assert_eq!(answer.assumed_role_user.unwrap().arn, "arn:aws:sts::123456789012:assumed-role/staff/alice@example.com");
    assert_eq!(answer.subject.as_deref(), Some("alice"));
    assert_eq!(answer.subject_type.as_deref(), Some("persistent"));
    assert_eq!(answer.issuer.as_deref(), Some(ISSUER));
    assert_eq!(answer.audience.as_deref(), Some("https://signin.aws.amazon.com/saml"));
    // printf '%s' 'https://idp.example.com/saml123456789012/Corp' | openssl sha1 -binary | base64
    assert_eq!(answer.name_qualifier.as_deref(), Some("F4n4tHfsTNbdJ8Yl1OzB++/YKYg="));
    let credentials = answer.credentials.unwrap();
    assert_eq!(credentials.expiration, cloud.now().plus_secs(3600));
    assert!(cloud.caller_of(&credentials).is_ok());
    let session = cloud.identity.session(&credentials.access_key_id).unwrap();
    assert!(session.claims.iter().any(|(name, _)| &**name == "saml:sub") && session.claims.iter().all(|(name, _)| &**name != "saml:aud"));
    assert_eq!(cloud.calls()[0].auth_records[0].action, "sts:AssumeRoleWithSAML");
}

#[tokio::test]
async fn invalid_responses_have_the_messages_of_aws() {
    let cloud = with_role();
    let assert_fault = |fault: (String, String), code: &str, text: &str| assert_eq!(fault, (code.to_owned(), text.to_owned()));
    assert_fault(fault_of(&cloud, Response { valid: 0, ..valid() }).await, "ExpiredTokenException", "Response has expired");
    let late = Response { issued: -301, ..valid() };
    assert_fault(fault_of(&cloud, late).await, "ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance");
    let audience = "Response does not contain the required audience.";
    assert_fault(fault_of(&cloud, Response { audience: "https://example.com", ..valid() }).await, "InvalidIdentityToken", audience);
    assert_fault(
        fault_of(&cloud, Response { recipient: "https://evil-signin.aws.amazon.com/saml", ..valid() }).await,
        "InvalidIdentityToken",
        audience,
    );
    let unnamed = fault_of(&cloud, Response { session: None, ..valid() }).await;
    assert_fault(unnamed, "InvalidIdentityToken", "RoleSessionName is required in AuthnResponse");
    let spaced = fault_of(&cloud, Response { session: Some("Alice Doe"), ..valid() }).await;
    assert_fault(spaced, "InvalidIdentityToken", "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}");
    let other_role = fault_of(&cloud, Response { attributes: vec![(aws("Role"), "arn:aws:iam::123456789012:role/other,x")], ..valid() }).await;
    assert_fault(other_role, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML");

    let unknown = AssumeRoleWithSAMLRequest { principal_arn: PROVIDER.replace("Corp", "None"), ..request(response(&cloud, valid())) };
    assert_fault(assume(&cloud, unknown).await.err().unwrap(), "InvalidIdentityToken", "Specified provider doesn't exist.");
    let swapped = AssumeRoleWithSAMLRequest { principal_arn: ROLE.into(), role_arn: PROVIDER.into(), ..request(response(&cloud, valid())) };
    assert_fault(assume(&cloud, swapped).await.err().unwrap(), "ValidationError", "Request ARN is invalid");
    assert_fault(assume(&cloud, request("AAAA".into())).await.err().unwrap(), "InvalidIdentityToken", "Invalid base64 SAMLResponse");
    let forged = String::from_utf8(STANDARD.decode(response(&cloud, valid())).unwrap()).unwrap().replace(">alice<", ">mallory<");
    assert_fault(assume(&cloud, request(STANDARD.encode(forged))).await.err().unwrap(), "InvalidIdentityToken", "Response signature invalid");
}

#[tokio::test]
async fn the_trust_policy_may_ask_for_what_the_directory_says() {
    let cloud = cloud(&trust(
        r#""sts:AssumeRoleWithSAML""#,
        r#"{"ForAnyValue:StringEquals":{"saml:edupersonaffiliation":"staff"},"StringEquals":{"saml:sub_type":"persistent"}}"#,
    ));
    assert_eq!(fault_of(&cloud, valid()).await.0, "AccessDenied");
    let mut with = valid();
    with.attributes.push(("urn:oid:1.3.6.1.4.1.5923.1.1.1.1".into(), "staff"));
    assert!(assume(&cloud, request(response(&cloud, with))).await.is_ok());
    // The trust policy does not allow sts:TagSession.
    let mut tagged = valid();
    tagged.attributes.push(("urn:oid:1.3.6.1.4.1.5923.1.1.1.1".into(), "staff"));
    tagged.attributes.push((aws("PrincipalTag:team"), "red"));
    assert_eq!(fault_of(&cloud, tagged).await.0, "AccessDenied");
}

#[tokio::test]
async fn attributes_set_tags_source_identity_and_duration() {
    let cloud = with_role();
    let mut more = valid();
    more.attributes.push((aws("PrincipalTag:team"), "red"));
    more.attributes.push((aws("TransitiveTagKeys"), "team"));
    more.attributes.push((aws("SourceIdentity"), "alice"));
    more.attributes.push((aws("SessionDuration"), "1800"));
    let answer = assume(&cloud, request(response(&cloud, more))).await.unwrap();
    assert_eq!(answer.source_identity.as_deref(), Some("alice"));
    let credentials = answer.credentials.unwrap();
    assert_eq!(credentials.expiration, cloud.now().plus_secs(1800));
    let session = cloud.identity.session(&credentials.access_key_id).unwrap();
    assert_eq!(session.tags, [("team".into(), "red".into())]);
    assert_eq!(session.transitive_tag_keys, ["team".into()]);

    let ending = assume(&cloud, request(response(&cloud, Response { session_ends: Some(1000), ..valid() }))).await.unwrap();
    assert_eq!(ending.credentials.unwrap().expiration, cloud.now().plus_secs(1000));
    let long = AssumeRoleWithSAMLRequest { duration_seconds: Some(7200), ..request(response(&cloud, valid())) };
    assert_eq!(assume(&cloud, long).await.err().unwrap().1, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
}
