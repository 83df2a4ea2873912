//! Contact lists and their contacts.

use super::tags;
use crate::{
    Ses, access, addresses,
    contacts::{key, new_contact, no_list},
    limits,
    refusal::Refusal,
    state::{self, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_aws::Fault;
use cloudlet_engine::{Cx, Operation, Permission, handler, paging::Paging};
use std::{collections::BTreeMap, sync::Arc};

fn permission<O: Operation>(cx: &Cx, list: &str) -> Permission {
    access::resource::<O>(cx, &format!("contact-list/{list}"))
}

fn topics(given: Option<Vec<Topic>>) -> Result<Vec<state::Topic>, Refusal> {
    let given = given.unwrap_or_default();
    if given.len() > limits::TOPICS {
        // AWS: unverified message.
        return Err(Refusal::invalid(format!("A contact list has at most {} topics.", limits::TOPICS)));
    }
    let topic = |topic: Topic| state::Topic {
        name: topic.topic_name,
        display_name: topic.display_name,
        description: topic.description,
        default_status: topic.default_subscription_status,
    };
    Ok(given.into_iter().map(topic).collect())
}

fn shown_topics(list: &state::ContactList) -> Vec<Topic> {
    let topic = |topic: &state::Topic| Topic {
        topic_name: topic.name.clone(),
        display_name: topic.display_name.clone(),
        description: topic.description.clone(),
        default_subscription_status: topic.default_status.clone(),
    };
    list.topics.iter().map(topic).collect()
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if (1..=64).contains(&name.len()) && name.bytes().all(usual) {
        return Ok(());
    }
    // AWS: unverified message.
    Err(Refusal::invalid(format!("Contact list name {name} must only contain alphanumeric characters, underscores and dashes, at most 64.")))
}

handler!(
    Ses,
    CreateContactList,
    |ses, cx, input| Ok(tags::requested(permission::<CreateContactList>(cx, &input.contact_list_name), input.tags.as_deref())),
    |ses, cx, input| {
        check_name(&input.contact_list_name).map_err(Refusal::v2)?;
        let given = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let topics = topics(input.topics).map_err(Refusal::v2)?;
        ses.store.write(|state| {
            let key = (cx.scope.clone(), input.contact_list_name.clone());
            if state.contact_lists.contains(&key) {
                // AWS: unverified message.
                return Err(Refusal::Exists(format!("List with name: {} already exists.", input.contact_list_name)).v2());
            }
            if State::count(&state.contact_lists, &cx.scope) >= limits::CONTACT_LISTS {
                // AWS: unverified message.
                return Err(Refusal::Limit(format!("An account has at most {} contact list.", limits::CONTACT_LISTS)).v2());
            }
            let list = state::ContactList { topics, description: input.description, created: cx.now, updated: cx.now, tags: given };
            state.contact_lists.insert(key, Arc::new(list));
            Ok(())
        })?;
        Ok(CreateContactListResponse {})
    },
);

handler!(Ses, GetContactList, |ses, cx, input| Ok(permission::<GetContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    Ok(GetContactListResponse {
        contact_list_name: Some(input.contact_list_name),
        topics: Some(shown_topics(&list)),
        description: list.description.clone(),
        created_timestamp: Some(list.created),
        last_updated_timestamp: Some(list.updated),
        tags: Some(tags::shown(&list.tags)),
    })
});

handler!(Ses, UpdateContactList, |ses, cx, input| Ok(permission::<UpdateContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let topics = topics(input.topics).map_err(Refusal::v2)?;
    ses.store.write(|state| {
        let key = (cx.scope.clone(), input.contact_list_name.clone());
        let list = state.contact_lists.get_mut(&key).ok_or_else(|| no_list(&input.contact_list_name).v2())?;
        let list = Arc::make_mut(list);
        (list.topics, list.description, list.updated) = (topics, input.description, cx.now);
        Ok::<_, Fault>(())
    })?;
    Ok(UpdateContactListResponse {})
});

handler!(Ses, DeleteContactList, |ses, cx, input| Ok(permission::<DeleteContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    ses.store.write(|state| {
        let key = (cx.scope.clone(), input.contact_list_name.clone());
        state.contact_lists.remove(&key).ok_or_else(|| no_list(&input.contact_list_name).v2())?;
        let contacts: Vec<String> = State::rows(&state.contacts, &cx.scope, None).map(|(address, _)| address.to_owned()).collect();
        for address in contacts {
            state.contacts.remove(&(cx.scope.clone(), address));
        }
        Ok::<_, Fault>(())
    })?;
    Ok(DeleteContactListResponse {})
});

handler!(Ses, ListContactLists, |ses, cx, input| Ok(access::any::<ListContactLists>(cx).into()), |ses, cx, input| {
    let list = Paging::of::<ListContactLists>(cx, &input);
    let page = ses.store.read(|state| {
        list.page(list.length(100, 1_000), |after| {
            State::rows(&state.contact_lists, &cx.scope, after).map(|(name, row)| {
                (name.to_owned(), ContactList { contact_list_name: Some(name.to_owned()), last_updated_timestamp: Some(row.updated) })
            })
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListContactListsResponse { contact_lists: Some(page.items), next_token: page.next_token })
});

/// AWS: unverified message.
fn no_contact(address: &str, list: &str) -> Refusal {
    Refusal::NotFound(format!("{address} doesn't exist in List {list}."))
}

/// What a contact wants of each topic.
fn preferences(list: &state::ContactList, given: Option<Vec<TopicPreference>>) -> Result<BTreeMap<String, String>, Refusal> {
    let given = given.unwrap_or_default();
    if let Some(unknown) = given.iter().find(|one| !list.topics.iter().any(|topic| topic.name == one.topic_name)) {
        // AWS: unverified message.
        return Err(Refusal::invalid(format!("The list doesn't contain topic {}.", unknown.topic_name)));
    }
    Ok(given.into_iter().map(|one| (one.topic_name, one.subscription_status)).collect())
}

fn shown_preferences(contact: &state::Contact) -> Vec<TopicPreference> {
    let one = |(topic, status): (&String, &String)| TopicPreference { topic_name: topic.clone(), subscription_status: status.clone() };
    contact.topics.iter().map(one).collect()
}

fn defaults(list: &state::ContactList) -> Vec<TopicPreference> {
    let one = |topic: &state::Topic| TopicPreference { topic_name: topic.name.clone(), subscription_status: topic.default_status.clone() };
    list.topics.iter().map(one).collect()
}

handler!(Ses, CreateContact, |ses, cx, input| Ok(permission::<CreateContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    addresses::check(&input.email_address).map_err(|why| Refusal::invalid(why).v2())?;
    let topics = preferences(&list, input.topic_preferences).map_err(Refusal::v2)?;
    ses.store.write(|state| {
        let key = key(&cx.scope, &input.email_address);
        if state.contacts.contains(&key) {
            // AWS: unverified message.
            return Err(Refusal::Exists(format!("{} already exists in List {}.", input.email_address, input.contact_list_name)).v2());
        }
        if State::count(&state.contacts, &cx.scope) >= limits::CONTACTS {
            return Err(Refusal::Limit("The contact list is full.".to_owned()).v2());
        }
        let contact = state::Contact {
            topics,
            unsubscribed: input.unsubscribe_all == Some(true),
            attributes: input.attributes_data,
            ..new_contact(cx, &input.email_address)
        };
        state.contacts.insert(key, Arc::new(contact));
        Ok(())
    })?;
    Ok(CreateContactResponse {})
});

handler!(Ses, GetContact, |ses, cx, input| Ok(permission::<GetContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    let contact = ses.store.read(|state| state.contacts.get(&key(&cx.scope, &input.email_address)).cloned());
    let contact = contact.ok_or_else(|| no_contact(&input.email_address, &input.contact_list_name).v2())?;
    Ok(GetContactResponse {
        contact_list_name: Some(input.contact_list_name),
        email_address: Some(contact.address.clone()),
        topic_preferences: Some(shown_preferences(&contact)),
        topic_default_preferences: Some(defaults(&list)),
        unsubscribe_all: Some(contact.unsubscribed),
        attributes_data: contact.attributes.clone(),
        created_timestamp: Some(contact.created),
        last_updated_timestamp: Some(contact.updated),
    })
});

handler!(Ses, UpdateContact, |ses, cx, input| Ok(permission::<UpdateContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    let topics = preferences(&list, input.topic_preferences).map_err(Refusal::v2)?;
    ses.store.write(|state| {
        let missing = || no_contact(&input.email_address, &input.contact_list_name).v2();
        let contact = Arc::make_mut(state.contacts.get_mut(&key(&cx.scope, &input.email_address)).ok_or_else(missing)?);
        contact.topics.extend(topics);
        contact.unsubscribed = input.unsubscribe_all == Some(true);
        contact.attributes = input.attributes_data;
        contact.updated = cx.now;
        Ok::<_, Fault>(())
    })?;
    Ok(UpdateContactResponse {})
});

handler!(Ses, DeleteContact, |ses, cx, input| Ok(permission::<DeleteContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    let removed = ses.store.update(|state| state.contacts.remove(&key(&cx.scope, &input.email_address)));
    removed.ok_or_else(|| no_contact(&input.email_address, &input.contact_list_name).v2())?;
    Ok(DeleteContactResponse {})
});

handler!(Ses, ListContacts, |ses, cx, input| Ok(permission::<ListContacts>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let of = ses.contact_list(&cx.scope, &input.contact_list_name).map_err(Refusal::v2)?;
    let list = Paging::of::<ListContacts>(cx, &input);
    let filter = input.filter.clone().unwrap_or_default();
    let topic = filter.topic_filter.clone().unwrap_or_default();
    let fits = |contact: &state::Contact| {
        let Some(wanted) = &filter.filtered_status else { return true };
        let status = match &topic.topic_name {
            Some(name) => match contact.topics.get(name) {
                Some(status) => Some(status.clone()),
                None if topic.use_default_if_preference_unavailable == Some(true) => {
                    of.topics.iter().find(|known| known.name == *name).map(|known| known.default_status.clone())
                }
                None => None,
            },
            None => Some(if contact.unsubscribed { "OPT_OUT".into() } else { "OPT_IN".into() }),
        };
        status.as_ref() == Some(wanted)
    };
    let page = ses.store.read(|state| {
        list.page(list.length(100, 1_000), |after| {
            let rows = State::rows(&state.contacts, &cx.scope, after).filter(|(_, contact)| fits(contact));
            rows.map(|(address, contact)| {
                let shown = Contact {
                    email_address: Some(contact.address.clone()),
                    topic_preferences: Some(shown_preferences(contact)),
                    topic_default_preferences: Some(defaults(&of)),
                    unsubscribe_all: Some(contact.unsubscribed),
                    last_updated_timestamp: Some(contact.updated),
                };
                (address.to_owned(), shown)
            })
        })
    });
    let page = page.map_err(|_| super::invalid_token())?;
    Ok(ListContactsResponse { contacts: Some(page.items), next_token: page.next_token })
});
