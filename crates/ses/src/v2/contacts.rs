//! Contact lists and their contacts.

use super::{PAGE, tags};
use crate::{
    access, addresses,
    contacts::{key, new_contact, no_list},
    limits,
    refusal::Refusal,
    state::{self, State},
};
use cloudlet_api_sesv2::*;
use cloudlet_engine::{Cx, Operation, Permission};
use std::{collections::BTreeMap, sync::Arc};

fn permission<O: Operation>(cx: &Cx, list: &str) -> Permission {
    access::resource::<O>(cx, &format!("contact-list/{list}"))
}

/// AWS: measured, with the order of the checks (<https://github.com/floci-io/floci>, `SesContactService.java`).
fn topics(given: Option<Vec<Topic>>) -> Result<Vec<state::Topic>, Refusal> {
    let given = given.unwrap_or_default();
    if given.len() > limits::TOPICS {
        return Err(Refusal::invalid(format!("Maximum of <{}> topics allowed per ContactList", limits::TOPICS)));
    }
    for (index, topic) in given.iter().enumerate() {
        check_name("TopicName", &topic.topic_name)?;
        if topic.display_name.chars().count() > limits::TOPIC_DISPLAY_NAME {
            return Err(Refusal::invalid(format!("Topic DisplayName can contain up to <{}> characters.", limits::TOPIC_DISPLAY_NAME)));
        }
        if given.iter().take(index).any(|earlier| earlier.topic_name == topic.topic_name) {
            return Err(Refusal::invalid("Duplicate topic names are not allowed within a List."));
        }
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

/// The name of a list, or of a topic.
fn check_name(member: &str, name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::invalid(format!("{member} can't be blank.")));
    }
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if name.len() <= limits::NAME && name.bytes().all(usual) {
        return Ok(());
    }
    let rule = "Only alphanumeric characters, underscores(_) and hyphens(-) are allowed.";
    Err(Refusal::invalid(format!("{member} can contain up to {} characters. {rule}", limits::NAME)))
}

fn check_description(description: Option<&str>) -> Result<(), Refusal> {
    if description.is_some_and(|text| text.chars().count() > limits::LIST_DESCRIPTION) {
        return Err(Refusal::invalid(format!("List description can contain up to {} characters.", limits::LIST_DESCRIPTION)));
    }
    Ok(())
}

fn check_address(address: &str) -> Result<(), Refusal> {
    if address.trim().is_empty() {
        return Err(Refusal::invalid("EmailAddress can't be blank."));
    }
    addresses::check(address).map_err(|_| Refusal::invalid(format!("EmailAddress <{address}> is invalid")))
}

operation!(
    CreateContactList,
    |ses, cx, input| Ok(tags::requested(permission::<CreateContactList>(cx, &input.contact_list_name), input.tags.as_deref())),
    |ses, cx, input| {
        check_name("ContactListName", &input.contact_list_name)?;
        let given = tags::checked(input.tags.as_deref().unwrap_or_default())?;
        let topics = topics(input.topics)?;
        check_description(input.description.as_deref())?;
        ses.store.write(|state| {
            let key = (cx.scope.clone(), input.contact_list_name.clone());
            // AWS: measured. That the list exists is not said, since there is but one.
            if State::count(&state.contact_lists, &cx.scope) >= limits::CONTACT_LISTS {
                return Err(Refusal::invalid(format!("A maximum of {} Lists allowed per account.", limits::CONTACT_LISTS)));
            }
            let list = state::ContactList { topics, description: input.description, created: cx.now, updated: cx.now, tags: given };
            state.contact_lists.insert(key, Arc::new(list));
            Ok(())
        })?;
        Ok(CreateContactListResponse {})
    },
);

operation!(GetContactList, |ses, cx, input| Ok(permission::<GetContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name)?;
    Ok(GetContactListResponse {
        contact_list_name: Some(input.contact_list_name),
        topics: Some(shown_topics(&list)),
        description: list.description.clone(),
        created_timestamp: Some(list.created),
        last_updated_timestamp: Some(list.updated),
        tags: Some(tags::shown(&list.tags)),
    })
});

operation!(UpdateContactList, |ses, cx, input| Ok(permission::<UpdateContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let topics = topics(input.topics)?;
    check_description(input.description.as_deref())?;
    ses.store.write(|state| {
        let key = (cx.scope.clone(), input.contact_list_name.clone());
        let list = state.contact_lists.get_mut(&key).ok_or_else(|| no_list(&input.contact_list_name))?;
        let list = Arc::make_mut(list);
        (list.topics, list.description, list.updated) = (topics, input.description, cx.now);
        Ok::<_, Refusal>(())
    })?;
    Ok(UpdateContactListResponse {})
});

operation!(DeleteContactList, |ses, cx, input| Ok(permission::<DeleteContactList>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    ses.store.write(|state| {
        let key = (cx.scope.clone(), input.contact_list_name.clone());
        state.contact_lists.remove(&key).ok_or_else(|| no_list(&input.contact_list_name))?;
        let contacts: Vec<String> = State::rows(&state.contacts, &cx.scope, None).map(|(address, _)| address.to_owned()).collect();
        for address in contacts {
            state.contacts.remove(&(cx.scope.clone(), address));
        }
        Ok::<_, Refusal>(())
    })?;
    Ok(DeleteContactListResponse {})
});

operation!(ListContactLists, |ses, cx, input| Ok(access::any::<ListContactLists>(cx).into()), |ses, cx, input| {
    let shown = |name: &str, row: &Arc<state::ContactList>| {
        Some(ContactList { contact_list_name: Some(name.to_owned()), last_updated_timestamp: Some(row.updated) })
    };
    let page = ses.list::<ListContactLists, _, _>(cx, &input, PAGE, |state| &state.contact_lists, shown)?;
    Ok(ListContactListsResponse { contact_lists: Some(page.items), next_token: page.next_token })
});

fn no_contact(address: &str) -> Refusal {
    Refusal::NotFound(format!("{address} doesn't exist in List."))
}

/// What a contact wants of each topic.
fn preferences(name: &str, list: &state::ContactList, given: Option<Vec<TopicPreference>>) -> Result<BTreeMap<String, String>, Refusal> {
    let given = given.unwrap_or_default();
    if let Some(unknown) = given.iter().find(|one| !list.topics.iter().any(|topic| topic.name == one.topic_name)) {
        return Err(Refusal::invalid(format!("List: {name} doesn't contain Topic: {}", unknown.topic_name)));
    }
    Ok(given.into_iter().map(|one| (one.topic_name, one.subscription_status)).collect())
}

fn shown_preferences(contact: &state::Contact) -> Vec<TopicPreference> {
    let one = |(topic, status): (&String, &String)| TopicPreference { topic_name: topic.clone(), subscription_status: status.clone() };
    contact.topics.iter().map(one).collect()
}

/// The topics that a contact says nothing of.
fn defaults(list: &state::ContactList, contact: &state::Contact) -> Vec<TopicPreference> {
    let one = |topic: &state::Topic| TopicPreference { topic_name: topic.name.clone(), subscription_status: topic.default_status.clone() };
    list.topics.iter().filter(|topic| !contact.topics.contains_key(&topic.name)).map(one).collect()
}

operation!(CreateContact, |ses, cx, input| Ok(permission::<CreateContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    check_address(&input.email_address)?;
    let list = ses.contact_list(&cx.scope, &input.contact_list_name)?;
    let topics = preferences(&input.contact_list_name, &list, input.topic_preferences)?;
    ses.store.write(|state| {
        let key = key(&cx.scope, &input.email_address);
        if state.contacts.contains(&key) {
            return Err(Refusal::Exists(format!("{} already exists in List.", input.email_address)));
        }
        if State::count(&state.contacts, &cx.scope) >= limits::CONTACTS {
            return Err(Refusal::Limit("The contact list is full.".to_owned()));
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

operation!(GetContact, |ses, cx, input| Ok(permission::<GetContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let list = ses.contact_list(&cx.scope, &input.contact_list_name)?;
    let contact = ses.store.read(|state| state.contacts.get(&key(&cx.scope, &input.email_address)).cloned());
    let contact = contact.ok_or_else(|| no_contact(&input.email_address))?;
    Ok(GetContactResponse {
        contact_list_name: Some(input.contact_list_name),
        email_address: Some(contact.address.clone()),
        topic_preferences: Some(shown_preferences(&contact)),
        topic_default_preferences: Some(defaults(&list, &contact)),
        unsubscribe_all: Some(contact.unsubscribed),
        attributes_data: contact.attributes.clone(),
        created_timestamp: Some(contact.created),
        last_updated_timestamp: Some(contact.updated),
    })
});

operation!(UpdateContact, |ses, cx, input| Ok(permission::<UpdateContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    check_address(&input.email_address)?;
    let list = ses.contact_list(&cx.scope, &input.contact_list_name)?;
    let topics = preferences(&input.contact_list_name, &list, input.topic_preferences)?;
    ses.store.write(|state| {
        let missing = || no_contact(&input.email_address);
        let contact = Arc::make_mut(state.contacts.get_mut(&key(&cx.scope, &input.email_address)).ok_or_else(missing)?);
        contact.topics.extend(topics);
        contact.unsubscribed = input.unsubscribe_all == Some(true);
        contact.attributes = input.attributes_data;
        contact.updated = cx.now;
        Ok::<_, Refusal>(())
    })?;
    Ok(UpdateContactResponse {})
});

operation!(DeleteContact, |ses, cx, input| Ok(permission::<DeleteContact>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    ses.contact_list(&cx.scope, &input.contact_list_name)?;
    let removed = ses.store.update(|state| state.contacts.remove(&key(&cx.scope, &input.email_address)));
    removed.ok_or_else(|| no_contact(&input.email_address))?;
    Ok(DeleteContactResponse {})
});

operation!(ListContacts, |ses, cx, input| Ok(permission::<ListContacts>(cx, &input.contact_list_name).into()), |ses, cx, input| {
    let of = ses.contact_list(&cx.scope, &input.contact_list_name)?;
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
    let shown = |_: &str, contact: &Arc<state::Contact>| {
        fits(contact).then_some(())?;
        Some(Contact {
            email_address: Some(contact.address.clone()),
            topic_preferences: Some(shown_preferences(contact)),
            topic_default_preferences: Some(defaults(&of, contact)),
            unsubscribe_all: Some(contact.unsubscribed),
            last_updated_timestamp: Some(contact.updated),
        })
    };
    let page = ses.list::<ListContacts, _, _>(cx, &input, PAGE, |state| &state.contacts, shown)?;
    Ok(ListContactsResponse { contacts: Some(page.items), next_token: page.next_token })
});
