//! An account in a region: the sandbox and the way out of it, quotas, and statistics.
//! <https://docs.aws.amazon.com/ses/latest/dg/request-production-access.html>

use crate::{
    Ses, limits,
    refusal::Refusal,
    state::{Account, Point, State},
};
use cloudlet_aws::{Scope, Timestamp};
use cloudlet_engine::Cx;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    Sandbox,
    Production,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    Pending,
    Granted,
}

#[derive(Clone, Copy, Debug)]
pub struct Quota {
    pub daily: u64,
    /// Recipients in a second.
    pub rate: u64,
    pub sent: u64,
}

impl Ses {
    pub fn account(&self, scope: &Scope) -> Account {
        self.store.read(|state| self.account_in(state, scope))
    }

    fn account_in(&self, state: &State, scope: &Scope) -> Account {
        state.accounts.get(scope).cloned().unwrap_or_default()
    }

    /// The review of a request for production access, if there is one.
    pub fn review(&self, account: &Account, now: Timestamp) -> Option<Review> {
        let requested = account.details.as_ref()?.requested?;
        Some(if requested.plus_secs(self.options.review_seconds) <= now { Review::Granted } else { Review::Pending })
    }

    pub fn access(&self, account: &Account, now: Timestamp) -> Access {
        let granted = self.options.sandbox == crate::Sandbox::Off || account.granted || self.review(account, now) == Some(Review::Granted);
        if granted { Access::Production } else { Access::Sandbox }
    }

    pub fn quota(&self, cx: &Cx) -> Quota {
        self.store.read(|state| self.quota_in(state, cx))
    }

    pub fn quota_in(&self, state: &State, cx: &Cx) -> Quota {
        let sent = state.sent_in_last_day(&cx.scope, cx.now);
        match self.access(&self.account_in(state, &cx.scope), cx.now) {
            Access::Sandbox => Quota { daily: limits::SANDBOX_DAILY, rate: limits::SANDBOX_RATE, sent },
            Access::Production => Quota { daily: self.options.daily, rate: self.options.rate, sent },
        }
    }

    pub fn change_account<R>(&self, scope: &Scope, change: impl FnOnce(&mut Account) -> R) -> R {
        self.store.update(|state| change(state.accounts.get_or_insert_with(scope.clone(), Account::default)))
    }

    /// Counts a mail against the quota. A mail of several recipients passes while any is left, and later ones wait for all of them.
    /// AWS: unverified. <https://aws.amazon.com/blogs/messaging-and-targeting/how-to-handle-a-throttling-maximum-sending-rate-exceeded-error/>
    pub fn take_quota(&self, state: &mut State, cx: &Cx, recipients: u64, counted: u64) -> Result<(), Refusal> {
        let quota = self.quota_in(state, cx);
        if counted > 0 && quota.sent >= quota.daily {
            return Err(Refusal::DailyQuota);
        }
        let now = cx.now.millis();
        let next = state.next_send.get(&cx.scope).copied().unwrap_or(now).max(now);
        let each = 1_000 / i64::try_from(quota.rate).unwrap_or(i64::MAX).max(1);
        // As many as the rate may follow each other at once.
        if next - now > 1_000 - each {
            return Err(Refusal::Rate);
        }
        state.next_send.insert(cx.scope.clone(), next + each * i64::try_from(recipients).unwrap_or(i64::from(u16::MAX)));
        if counted > 0 {
            state.count_sent(&cx.scope, cx.now, counted);
        }
        Ok(())
    }

    /// The points of the last two weeks, the oldest first.
    pub fn statistics(&self, cx: &Cx) -> Vec<(Timestamp, Point)> {
        let oldest = cx.now.secs() - limits::STATISTICS_SECONDS;
        let range = (cx.scope.clone(), oldest)..=(cx.scope.clone(), i64::MAX);
        self.store.read(|state| state.statistics.range(range).map(|((_, at), point)| (Timestamp::from_secs(*at), *point)).collect())
    }
}
