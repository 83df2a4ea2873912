//! The cost of a policy decision: alone, and within a request, for a user with five policies compared with root, which has none.

use crate::{
    client::Connection,
    request::Signed,
    scenario::{Bench, many},
};
use cloudlet_aws::{Account, Arn, Caller, Identity};
use cloudlet_policy::{Document, Keys, Kind, Policies, Policy, Principal, Request, decide};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

/// Five policies of common kinds; the last allows the call.
const POLICIES: [&str; 5] = [
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:SendMessage","sqs:ReceiveMessage","sqs:DeleteMessage"],"Resource":"arn:aws:sqs:*:*:orders-*"}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"},{"Effect":"Deny","Action":"logs:Delete*","Resource":"*"}]}"#,
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["us-east-1","eu-central-1"]}}}}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:GetParameter*","kms:Decrypt"],"Resource":["arn:aws:ssm:*:*:parameter/app/*","arn:aws:kms:*:*:key/*"]}]}"#,
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bench/*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bench"}]}"#,
];

const TURNS: usize = 10;

impl Bench<'_> {
    pub async fn decisions(&self, host: &str) {
        if !self.includes("decisions") {
            return;
        }
        let alone = alone();
        println!("a decision, five policies  {:>9.0} ns; {:.1} million a second and core", alone * 1e9, 1e-6 / alone);
        let user = self.user(host).await;
        let get = |signed: Signed| signed.request("GET", "/bench/small", "", &[], b"");
        let who = |signed: Signed| signed.form("Action=GetCallerIdentity&Version=2011-06-15");
        let as_user = |service| Signed::with(host, service, &user.0, &user.1);
        self.share("S3 GET 1 KiB", get(Signed::new(host, "s3")), get(as_user("s3"))).await;
        self.share("GetCallerIdentity", who(Signed::new(host, "sts")), who(as_user("sts"))).await;
    }

    async fn share(&self, name: &str, root: Vec<u8>, user: Vec<u8>) {
        let (mut without, mut with) = (f64::MAX, f64::MAX);
        for _ in 0..TURNS {
            without = without.min(self.turn(many(&root)).await.1);
            with = with.min(self.turn(many(&user)).await.1);
        }
        println!("{name:<24} {:>9.1} µs as root, {:.1} µs with five policies: {:.0} %", without * 1e6, with * 1e6, (with / without - 1.0) * 100.0);
    }

    /// A user with the five policies: its access key and secret.
    async fn user(&self, host: &str) -> (String, String) {
        let iam = Signed::new(host, "iam");
        let mut connection = Connection::open(self.server.address).await;
        connection.call(&iam.form("Action=CreateUser&Version=2010-05-08&UserName=bench")).await;
        for (number, policy) in POLICIES.iter().enumerate() {
            let put = format!(
                "Action=PutUserPolicy&Version=2010-05-08&UserName=bench&PolicyName=p{number}&PolicyDocument={}",
                policy.replace('%', "%25").replace('+', "%2B").replace('&', "%26")
            );
            connection.call(&iam.form(&put)).await;
        }
        let answer = connection.call(&iam.form("Action=CreateAccessKey&Version=2010-05-08&UserName=bench")).await;
        let text = String::from_utf8_lossy(answer).into_owned();
        let element = |name: &str| text.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next()).expect("an access key").to_owned();
        (element("AccessKeyId"), element("SecretAccessKey"))
    }
}

/// Seconds for one decision, over a second.
fn alone() -> f64 {
    let parse = |(number, text): (usize, &&str)| Policy {
        name: format!("p{number}").into(),
        document: Document::parse(text, Kind::Identity).expect("a policy"),
    };
    let identity: Vec<Policy> = POLICIES.iter().enumerate().map(parse).collect();
    let account = Account::default();
    let caller = Caller {
        account: Some(account),
        identity: Identity::User { name: "bench".into() },
        arn: "arn:aws:iam::000000000000:user/bench".into(),
        unique_id: "AIDAIOSFODNN7EXAMPLE".into(),
        access_key: None,
    };
    let resource = Arn::build("aws", "s3", "", "", "bench/small");
    let keys = Keys::default().with("aws:SourceIp", "127.0.0.1".to_owned()).with("aws:RequestedRegion", "us-east-1".to_owned());
    let request =
        Request { principal: Principal::of(&caller), action: "s3:GetObject", resource: &resource, resource_account: Some(account), keys: &keys };
    let policies = Policies { identity: &identity, ..Policies::default() };
    assert!(decide(&request, &policies).is_allowed(), "the call has to be allowed");
    let began = Instant::now();
    let mut decided = 0u32;
    while began.elapsed() < Duration::from_secs(1) {
        for _ in 0..1_000 {
            black_box(decide(black_box(&request), black_box(&policies)));
        }
        decided += 1_000;
    }
    began.elapsed().as_secs_f64() / f64::from(decided)
}
