//! Page tokens: every key comes back from its token, and nothing else is a token.
#![no_main]

use cloudlet_api_sqs::{ListDeadLetterSourceQueues, ListQueues};
use cloudlet_aws::{Account, Caller, Region, Scope};
use cloudlet_engine::{
    Cx, Origin, Runtime,
    paging::{InvalidToken, Paging},
};
use libfuzzer_sys::fuzz_target;
use std::sync::{Arc, LazyLock};

static LISTS: LazyLock<[Paging; 3]> = LazyLock::new(|| {
    let scope = Scope::new(Account::default(), Region::new("us-east-1"));
    let cx = Cx::new(Arc::new(Runtime::default()), scope, Caller::anonymous(), "id".into(), Origin::default());
    [
        Paging::with_filters::<ListQueues>(&cx, &["prefix"], None),
        Paging::with_filters::<ListQueues>(&cx, &["other"], None),
        Paging::with_filters::<ListDeadLetterSourceQueues>(&cx, &["prefix"], None),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let [list, others @ ..] = &*LISTS;
    if let Ok(key) = list.read::<String>(text) {
        assert_eq!(list.read(&list.token(&key)), Ok(key));
    }
    let _ = list.read::<(u8, String)>(text);
    let token = list.token(&text);
    // A token over the limit is none.
    if let Ok(key) = list.read::<String>(&token) {
        assert_eq!(key, text);
    } else {
        assert!(text.len() > 1_000);
    }
    for other in others {
        assert_eq!(other.read::<String>(&token), Err(InvalidToken));
    }
});
