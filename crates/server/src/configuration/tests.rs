use super::*;

fn environment(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn refusal<T>(outcome: Result<T, Refusal>) -> String {
    match outcome {
        Ok(_) => panic!("it was accepted"),
        Err(refusal) => refusal.0.to_string(),
    }
}

#[test]
fn a_setting_that_is_not_given_has_its_default() {
    let configuration = settle(Settings::default()).ok().unwrap();
    assert_eq!(configuration.addresses, ["127.0.0.1:4566".parse().unwrap()]);
    assert_eq!((configuration.mode, configuration.account.as_str(), configuration.region.as_str()), (Mode::Enforce, "000000000000", "us-east-1"));
    assert!(!configuration.tls && configuration.data_dir.is_none());
}

#[test]
fn the_command_line_counts_before_localstacks_names_and_these_before_the_file() {
    let given = Settings { port: Some(1), ..Settings::default() };
    let drop_in = localstack::read(&environment(&[("GATEWAY_LISTEN", "0.0.0.0:2"), ("DEFAULT_REGION", "eu-west-1")])).ok().unwrap();
    let file: Settings = toml::from_str("port = 3\nhost = \"127.0.0.3\"\nregion = \"eu-west-3\"\ncall-log = 3").unwrap();
    let settings = given.or(drop_in).or(file);
    assert_eq!(
        (settings.port, settings.host.as_deref(), settings.region.as_deref(), settings.call_log),
        (Some(1), Some("0.0.0.0"), Some("eu-west-1"), Some(3))
    );
}

#[test]
fn localstacks_switches_are_understood() {
    let auth = |pairs: &[(&str, &str)]| localstack::read(&environment(pairs)).ok().unwrap().auth;
    assert_eq!(auth(&[("ENFORCE_IAM", "1")]), Some(Auth::Enforce));
    assert_eq!(auth(&[("ENFORCE_IAM", "0")]), Some(Auth::Off));
    assert_eq!(auth(&[("ENFORCE_IAM", "1"), ("IAM_SOFT_MODE", "1")]), Some(Auth::Soft));
    assert_eq!(auth(&[]), None);
}

#[test]
fn mistyped_values_and_names_are_refused_in_a_clear_sentence() {
    let with = |settings: Settings| refusal(settle(settings));
    assert!(with(Settings { account: Some("12".into()), ..Settings::default() }).contains("'12' is not an AWS account id: it has 12 digits"));
    assert!(with(Settings { region: Some("Mars 1".into()), ..Settings::default() }).contains("'Mars 1' is no region"));
    assert!(with(Settings { root_access_key: Some("a/b".into()), ..Settings::default() }).contains("--root-access-key"));
    assert!(with(Settings { log: Some("=loud=".into()), ..Settings::default() }).contains("--log =loud="));
    assert!(with(Settings { log: Some("warn,inffo".into()), ..Settings::default() }).contains("'inffo' is no level"));
    assert!(with(Settings { names: vec!["two words".into()], ..Settings::default() }).contains("'two words' is no host name"));
    assert!(with(Settings { names: vec!["host:4566".into()], ..Settings::default() }).contains("'host:4566' is no host name"));
    assert!(with(Settings { max_body: Some(0), ..Settings::default() }).contains("--max-body 0"));
    assert!(with(Settings { body_memory: Some(80), ..Settings::default() }).contains("--body-memory 80"));
    assert!(settle(Settings { max_body: Some(1_000), ..Settings::default() }).is_ok(), "the memory follows the largest body");
    for origin in ["app.example.com", "https://", "https://app.example.com/page", "://host"] {
        assert!(with(Settings { allow_origin: vec![origin.into()], ..Settings::default() }).contains("is no origin"), "{origin}");
    }
    assert!(with(Settings { root_secret_key: Some(String::new()), ..Settings::default() }).contains("--root-secret-key"));
    assert!(with(Settings { oidc_keys: Some("/nowhere/at/all".into()), ..Settings::default() }).contains("--oidc-keys /nowhere/at/all"));
    assert!(refusal(refuse_unknown(&environment(&[("CLOUDLET_PROT", "1")]))).contains("CLOUDLET_PROT is no setting of Cloudlet"));
    assert!(refusal(localstack::read(&environment(&[("ENFORCE_IAM", "maybe")]))).contains("ENFORCE_IAM=maybe is neither 1 nor 0"));
    assert!(toml::from_str::<Settings>("prot = 1").is_err());
    assert!(Settings::try_parse_from(["cloudlet", "--auth", "often"]).unwrap_err().to_string().contains("often"));
}

#[test]
fn localstacks_origins_are_understood() {
    let origins = |text: &str| {
        let settings = localstack::read(&environment(&[("EXTRA_CORS_ALLOWED_ORIGINS", text), ("EXTRA_CORS_ALLOWED_HEADERS", "x-own")])).ok().unwrap();
        settle(settings).ok().unwrap().origins
    };
    assert_eq!(origins("https://one.example.com, http://two.example.com:3000/,"), ["https://one.example.com", "http://two.example.com:3000"]);
}

#[test]
fn an_empty_name_is_none() {
    let names =
        |names: &[&str]| settle(Settings { names: names.iter().map(ToString::to_string).collect(), ..Settings::default() }).ok().unwrap().names;
    assert_eq!(names(&[""]), names(&[]));
    assert_eq!(names(&["Cloudlet", ""]), [names(&[]), vec!["cloudlet".to_owned()]].concat());
}

#[test]
fn filters_of_the_log_may_name_levels_and_modules() {
    for log in ["info", "WARN", "off", "info,cloudlet::call=off", "cloudlet_gateway=debug, warn", "3", "cloudlet[call]=info"] {
        assert!(settle(Settings { log: Some(log.into()), ..Settings::default() }).is_ok(), "{log}");
    }
}

#[test]
fn a_running_server_is_reached_where_it_listens() {
    let address = |arguments: &[&str]| {
        let settings = Settings::try_parse_from([&["cloudlet"], arguments].concat()).unwrap();
        running(&settings).ok().unwrap().to_string()
    };
    assert_eq!(address(&["explain", "r"]), "127.0.0.1:4566");
    assert_eq!(address(&["explain", "r", "--port", "1"]), "127.0.0.1:1");
    assert_eq!(address(&["--port", "1", "explain", "r"]), "127.0.0.1:1");
    assert_eq!(address(&["--check-health", "--host", "0.0.0.0"]), "127.0.0.1:4566");
    assert_eq!(address(&["--check-health", "--host", "::1"]), "[::1]:4566");
}
