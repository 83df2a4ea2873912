use super::*;
use crate::state::{AccessKey, User};
use cloudlet_engine::Ids;

fn account() -> Account {
    Account::parse("111122223333").unwrap()
}

fn identity() -> Identity {
    identity_in(&Journal::off())
}

fn identity_in(journal: &Journal) -> Identity {
    Identity::with_journal(Root { account: account(), partition: "aws", access_key: "test".into(), secret: Secret::new("hush") }, journal)
}

const NOON: Timestamp = Timestamp::from_secs(43_200);

fn with_bob(identity: &Identity) {
    let user = User {
        name: "bob".into(),
        path: "/".into(),
        id: "AIDABOB".into(),
        created: NOON,
        tags: vec![("team".into(), "red".into())],
        permissions_boundary: None,
        policies: Default::default(),
        groups: vec![],
        login_profile: None,
        mfa_devices: vec![],
        password_last_used: None,
    };
    let key = AccessKey {
        account: account(),
        owner: AccessKeyOwner::User("bob".into()),
        secret: Secret::new("bobs"),
        status: CredentialStatus::Active,
        created: NOON,
        last_used: LastUsed::default(),
    };
    let done: Result<(), ()> = identity.write(|state| {
        state.users.insert(EntityKey::new(account(), "bob"), user);
        state.access_keys.insert("AKIABOB".into(), key);
        Ok(())
    });
    done.unwrap();
}

fn session(caller: Caller, credentials: &SessionCredentials) -> Session {
    Session {
        caller,
        issuer: None,
        secret: credentials.secret.clone(),
        token: credentials.token.clone(),
        kind: SessionKind::SessionToken,
        issued: NOON,
        expires: NOON.plus_secs(900),
        policies: Arc::default(),
        tags: vec![],
        transitive_tag_keys: vec![],
        source_identity: None,
        mfa_at: None,
        federated_provider: None,
        claims: vec![],
        approver_policies: Arc::default(),
        delegate: None,
    }
}

#[test]
fn the_root_key_and_keys_of_twelve_digits_are_root_and_no_other_key_exists() {
    let identity = identity();
    let root = identity.credential("test", None, NOON).unwrap();
    assert_eq!((&*root.caller.arn, root.secret.reveal()), ("arn:aws:iam::111122223333:root", "hush"));
    let other = identity.credential("444455556666", None, NOON).unwrap();
    assert_eq!((&*other.caller.arn, other.secret.reveal()), ("arn:aws:iam::444455556666:root", "hush"));
    assert_eq!(identity.credential("AKIAIOSFODNN7EXAMPLE", None, NOON).unwrap_err(), CredentialError::Key);
    assert_eq!(identity.credential("test", Some("a token"), NOON).unwrap_err(), CredentialError::Token);
}

#[test]
fn a_users_key_works_until_it_is_deactivated() {
    let identity = identity();
    with_bob(&identity);
    let credential = identity.credential("AKIABOB", None, NOON).unwrap();
    assert_eq!((&*credential.caller.arn, credential.secret.reveal()), ("arn:aws:iam::111122223333:user/bob", "bobs"));
    let effective_policies = identity.effective_policies(&credential.caller, None);
    assert_eq!(effective_policies.tags, [("team".into(), "red".into())]);
    identity.record_use(&credential.caller, "s3", "eu-west-1", NOON);
    let used = identity.read(|state| state.access_keys.get("AKIABOB").unwrap().last_used.get()).unwrap();
    assert_eq!((used.at, &*used.service, &*used.region), (NOON, "s3", "eu-west-1"));
    let done: Result<(), ()> = identity.write(|state| {
        state.access_keys.get_mut("AKIABOB").unwrap().status = CredentialStatus::Inactive;
        Ok(())
    });
    done.unwrap();
    assert_eq!(identity.credential("AKIABOB", None, NOON).unwrap_err(), CredentialError::Key);
}

#[test]
fn a_session_needs_its_token_expires_and_survives_a_restart() {
    let memory = Arc::new(cloudlet_store::InMemory::default());
    let journal = Journal::to(memory.clone());
    let identity = identity_in(&journal);
    with_bob(&identity);
    let caller = identity.credential("AKIABOB", None, NOON).unwrap().caller;
    let credentials = SessionCredentials::new(&Ids::seeded(1), account(), 0);
    let caller = Caller { access_key: Some(credentials.access_key.clone()), ..caller };
    identity.add_session(credentials.access_key.clone(), session(caller, &credentials));

    let mut records = vec![];
    for store in identity.stores() {
        store.snapshot(&mut |record| records.push(record));
    }
    let again = identity_in(&Journal::off());
    let stores = again.stores();
    let stores: Vec<&dyn Persistent> = stores.iter().map(AsRef::as_ref).collect();
    cloudlet_store::replay(&stores, &records).unwrap();
    for identity in [identity, again] {
        let key = &credentials.access_key;
        assert!(identity.credential(key, Some(credentials.token.reveal()), NOON.plus_secs(899)).is_ok());
        assert_eq!(identity.credential(key, None, NOON).unwrap_err(), CredentialError::Token);
        assert_eq!(identity.credential(key, Some("another"), NOON).unwrap_err(), CredentialError::Token);
        assert_eq!(identity.credential(key, Some(credentials.token.reveal()), NOON.plus_secs(900)).unwrap_err(), CredentialError::Expired);
        assert!(identity.credential("AKIABOB", None, NOON).is_ok());
    }
}

#[test]
fn old_sessions_are_removed() {
    let identity = identity();
    let root = Caller::root(account(), "aws", None);
    let ids = Ids::seeded(2);
    let old = SessionCredentials::new(&ids, account(), 0);
    identity.add_session(old.access_key.clone(), session(root.clone(), &old));
    let new = SessionCredentials::new(&ids, account(), 0);
    let later = NOON.plus_secs(3 * 86_400);
    identity.add_session(new.access_key.clone(), Session { issued: later, expires: later.plus_secs(900), ..session(root, &new) });
    assert!(identity.session(&old.access_key).is_none() && identity.session(&new.access_key).is_some());
}
