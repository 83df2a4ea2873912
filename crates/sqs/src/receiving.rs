//! What one receive takes out of a queue: whose turn it is, what is a dead letter by now, and what is too old.

use crate::{
    faults, limits,
    state::{Attempt, Flight, Message, Place, Queue},
};
use cloudlet_aws::{Fault, Timestamp};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// What a receive asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub most: usize,
    /// Seconds of invisibility.
    pub visibility: u32,
    /// After how many receives a message is a dead letter; nothing where there is nowhere to take it.
    pub max_receives: Option<u32>,
    pub attempt: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub struct Flown {
    pub place: Place,
    pub message: Arc<Message>,
    pub flight: Flight,
}

#[derive(Debug, Default)]
pub struct Taken {
    pub messages: Vec<Flown>,
    /// Held back for half a minute, until they are in the dead-letter queue.
    pub dead: Vec<Flown>,
    /// Nothing may be taken: as much is in flight as can be.
    pub over_limit: bool,
}

/// For how many seconds a dead letter is held back while it is moved. It takes no time, unless the process ends in between.
const HELD: i64 = 30;

/// As many as one receive returns.
pub type Places = SmallVec<[Place; limits::BATCH]>;

/// What becomes of a message whose turn it is.
enum Turn {
    Fly,
    Die,
    Expire,
}

impl Queue {
    pub fn receive(&mut self, wish: &Wish, now: Timestamp) -> Result<Taken, Fault> {
        self.expire(now);
        self.forget(now);
        if let Some(attempt) = wish.attempt.as_deref()
            && let Some(messages) = self.receive_again(attempt, wish.visibility, now)?
        {
            return Ok(Taken { messages, ..Taken::default() });
        }
        let mut taken = Taken::default();
        loop {
            let landed = self.settle(now);
            let expired = self.receive_ready(wish, now, &mut taken);
            // What has landed may have been blocked, or too old; more may land behind it.
            let idle = taken.messages.is_empty() && taken.dead.is_empty();
            if !idle || (landed == 0 && expired == 0) {
                break;
            }
            taken.over_limit = false;
        }
        if let Some(id) = &wish.attempt
            && !taken.messages.is_empty()
        {
            let flights = taken.messages.iter().map(|flown| (flown.place, flown.flight)).collect();
            self.remember_attempt(id.clone(), Attempt { at: now, flights });
        }
        Ok(taken)
    }

    /// Says how many were too old.
    fn receive_ready(&mut self, wish: &Wish, now: Timestamp, taken: &mut Taken) -> usize {
        let free = limits::IN_FLIGHT.saturating_sub(self.in_flight.len());
        let most = wish.most.min(free);
        if most == 0 {
            taken.over_limit = true;
            return 0;
        }
        let until_sent = self.expired_until(now).map(Place::last_of);
        let fifo = self.is_fifo();
        let (mut fly, mut die, mut expire) = (Places::new(), Places::new(), Places::new());
        // First everything is taken out, then it is put where it belongs: with no invisibility it would else be taken twice.
        while fly.len() < most && die.len() < limits::BATCH && expire.len() < limits::BATCH {
            let Some((key, group)) = self.next_ready(now) else { break };
            let run = match &group {
                Some(group) if fifo => self.run_of(group, most - fly.len()),
                _ => smallvec![key.1],
            };
            self.take_head(key, group.as_ref());
            for place in run {
                match self.turn_of(place, wish, until_sent) {
                    Turn::Fly => fly.push(place),
                    Turn::Die => die.push(place),
                    Turn::Expire => expire.push(place),
                }
            }
        }
        for place in die {
            if let Some(flight) = self.flights.get(&place).copied() {
                taken.dead.extend(self.take_off(place, Flight { until: now.plus_secs(HELD), ..flight }, now));
            }
        }
        for place in fly {
            let before = self.flights.get(&place);
            let flight = Flight {
                receives: before.map_or(0, |flight| flight.receives).saturating_add(1),
                // Held back for a move, or put back, it may never have been received.
                first: before.filter(|flight| flight.receives > 0).map_or(now, |flight| flight.first),
                latest: now,
                until: now.plus_secs(i64::from(wish.visibility)),
            };
            taken.messages.extend(self.take_off(place, flight, now));
        }
        // Last, so that a group that still flies is not taken for gone.
        for place in &expire {
            self.withdraw(*place, now);
        }
        expire.len()
    }

    fn turn_of(&self, place: Place, wish: &Wish, expired_until: Option<Place>) -> Turn {
        if expired_until.is_some_and(|until| place <= until) {
            return Turn::Expire;
        }
        let receives = self.flights.get(&place).map_or(0, |flight| flight.receives);
        if wish.max_receives.is_some_and(|most| receives >= most) { Turn::Die } else { Turn::Fly }
    }

    fn take_off(&mut self, place: Place, flight: Flight, now: Timestamp) -> Option<Flown> {
        let message = self.messages.get(&place)?.clone();
        self.fly(place, flight, now);
        Some(Flown { place, message, flight })
    }

    /// The same messages under the same handles, unless one was deleted, received again or given another visibility since. Nothing
    /// once they are visible again.
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
    fn receive_again(&mut self, id: &str, visibility: u32, now: Timestamp) -> Result<Option<Vec<Flown>>, Fault> {
        let Some(Attempt { at, flights }) = self.attempt(id, now).cloned() else { return Ok(None) };
        if !flights.iter().all(|(place, flight)| self.flights.get(place) == Some(flight)) {
            // AWS: seen at https://github.com/aws/aws-sdk-java/issues/2613.
            let reason = "The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.";
            return Err(faults::invalid(id, "ReceiveRequestAttemptId", reason));
        }
        if flights.iter().any(|(_, flight)| flight.until <= now) {
            return Ok(None);
        }
        let until = now.plus_secs(i64::from(visibility));
        let mut again = vec![];
        for (place, flight) in flights {
            let Some(message) = self.messages.get(&place).cloned() else { continue };
            self.divert(place, flight, until, now);
            again.push(Flown { place, message, flight: Flight { until, ..flight } });
        }
        let flights = again.iter().map(|flown| (flown.place, flown.flight)).collect();
        self.remember_attempt(id.into(), Attempt { at, flights });
        Ok(Some(again))
    }
}
