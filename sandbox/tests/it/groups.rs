//! Groups' administration: who may do what, who is told, who comes and goes.

use crate::client::Companion;
use crate::direct::Pair;
use crate::group_messages::group;
use wacore::iq::groups::{
    GroupCreateOptions, GroupParticipantOptions, GroupSubject, JoinGroupResult, MemberAddMode, MembershipApprovalMode,
};
use wacore::stanza::groups::GroupNotificationAction as Action;
use wacore::types::events::Event;
use wasup_sandbox::{GroupRole, GroupSettings};
use whatsapp_rust::{Jid, PreviousDescription};

impl Companion {
    /// The next action in a group that `pick` makes something of.
    pub(crate) async fn action<T>(&self, what: &str, pick: impl Fn(&Action) -> Option<T>) -> T {
        self.event(what, |event| match event {
            Event::GroupUpdate(update) => pick(&update.action),
            _ => None,
        })
        .await
    }

    pub(crate) async fn subject(&self, wanted: &str) {
        self.action("subject", |action| match action {
            Action::Subject { subject, .. } if subject == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    async fn people(&self, tag: &'static str) -> Vec<String> {
        self.action(tag, |action| match action {
            Action::Add { participants, .. }
            | Action::Remove { participants, .. }
            | Action::Promote { participants }
            | Action::Demote { participants }
                if action.tag_name() == tag =>
            {
                Some(participants.iter().map(|one| one.jid.to_string()).collect())
            }
            _ => None,
        })
        .await
    }
}

fn jid(text: &str) -> Jid {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_companion_makes_a_group() {
    for lid in [false, true] {
        let Pair { network, phones: [phone_a, phone_b], a, b } = crate::direct::pair(lid).await;
        let mut options = GroupCreateOptions::new("made here");
        options.participants = vec![GroupParticipantOptions::new(jid(&phone_b.jid()))];
        let made = a.client.groups().create_group(options).await.unwrap();
        let group = made.metadata.id.to_string();
        assert_eq!(made.metadata.participants.len(), 2);
        b.action("create", |action| matches!(action, Action::Create { .. }).then_some(())).await;
        let seen = phone_b.group(&group).unwrap();
        assert_eq!((seen.subject.as_str(), seen.lid), ("made here", lid));
        let roles: Vec<_> = seen.members.iter().map(|member| (member.number.as_str(), member.role)).collect();
        assert_eq!(roles, [(phone_a.number(), GroupRole::Owner), (phone_b.number(), GroupRole::Member)]);
        b.send(&group, "thanks").await;
        assert_eq!(a.text().await.text, "thanks");
        let mine = b.client.groups().get_participating().await.unwrap();
        assert_eq!(mine.len(), 1);
        assert_eq!(network.violations(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_an_admin_may_do() {
    let (Pair { network, phones: [phone_a, phone_b], a, b }, group) = group(false).await;
    let at = jid(&group);
    let groups = a.client.groups();
    groups.set_subject(at.clone(), GroupSubject::new("renamed").unwrap()).await.unwrap();
    b.subject("renamed").await;
    groups.set_locked(at.clone(), true).await.unwrap();
    groups.set_announce(at.clone(), true).await.unwrap();
    groups.set_ephemeral(at.clone(), 86_400).await.unwrap();
    groups.set_membership_approval(at.clone(), MembershipApprovalMode::On).await.unwrap();
    groups.set_member_add_mode(&at, MemberAddMode::AdminAdd).await.unwrap();
    let settings = phone_b.group(&group).unwrap().settings;
    let wanted = GroupSettings {
        locked: true,
        announce: true,
        ephemeral: 86_400,
        approval: true,
        members_add: false,
        members_link: false,
    };
    assert_eq!(settings, wanted);
    let told = groups.get_metadata(&at).await.unwrap();
    assert!(told.is_locked && told.is_announcement && told.membership_approval);

    let third = network.phone("15550000003");
    let nobody = jid("15559999999@s.whatsapp.net");
    let outcome = groups.add_participants(at.clone(), &[jid(&third.jid()), nobody, jid(&phone_b.jid())]).await.unwrap();
    let errors: Vec<_> = outcome.iter().map(|one| one.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("404"), Some("409")]);
    assert_eq!(b.people("add").await, [third.jid()]);
    groups.promote_participants(at.clone(), &[jid(&phone_b.jid())]).await.unwrap();
    assert_eq!(b.people("promote").await, [phone_b.jid()]);
    groups.demote_participants(at.clone(), &[jid(&phone_b.jid())]).await.unwrap();
    assert_eq!(b.people("demote").await, [phone_b.jid()]);
    let outcome = groups.remove_participants(at.clone(), &[jid(&third.jid()), jid(&phone_a.jid())]).await.unwrap();
    let errors: Vec<_> = outcome.iter().map(|one| one.error.as_deref()).collect();
    assert_eq!(errors, [None, Some("405")], "the creator can't be put out");
    assert_eq!(b.people("remove").await, [third.jid()]);
    b.client.groups().leave(at.clone()).await.unwrap();
    assert_eq!(a.people("remove").await, [third.jid()]);
    assert_eq!(a.people("remove").await, [phone_b.jid()]);
    assert_eq!(phone_a.group(&group).unwrap().members.len(), 1);
    let outcome = groups.add_participants(at, &[jid(&phone_b.jid())]).await.unwrap();
    assert_eq!(outcome[0].error.as_deref(), Some("408"), "whoever left is not taken back at once");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_refused_what_admins_may() {
    let (Pair { network, phones: [phone_a, phone_b], b, .. }, group) = group(false).await;
    let at = jid(&group);
    phone_a.set_group(&group, &GroupSettings { locked: true, members_add: false, ..GroupSettings::default() }).unwrap();
    let groups = b.client.groups();
    let code = |error: whatsapp_rust::GroupError| error.to_string();
    let refused = [
        code(groups.set_subject(at.clone(), GroupSubject::new("mine").unwrap()).await.unwrap_err()),
        code(groups.set_announce(at.clone(), true).await.unwrap_err()),
        code(groups.add_participants(at.clone(), &[jid("15550000009@s.whatsapp.net")]).await.unwrap_err()),
        code(groups.promote_participants(at.clone(), &[jid(&phone_b.jid())]).await.unwrap_err()),
        code(groups.get_invite_link(&at, true).await.unwrap_err()),
        code(groups.get_membership_requests(&at).await.unwrap_err()),
    ];
    for error in refused {
        assert!(error.contains("403"), "{error}");
    }
    let elsewhere = groups.get_metadata(&jid("120363999999999999@g.us")).await.unwrap_err();
    assert!(elsewhere.to_string().contains("404"), "{elsewhere}");
    let others = phone_a.create_group("without b", &[], None).unwrap();
    let outside = groups.get_metadata(&jid(&others)).await.unwrap_err();
    assert!(outside.to_string().contains("403"), "{outside}");
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_link_and_by_request() {
    let Pair { network, phones: [phone_a, phone_b], a, b } = crate::direct::pair(false).await;
    let group = phone_a.create_group("open", &[], None).unwrap();
    let link = a.client.groups().get_invite_link(&jid(&group), false).await.unwrap();
    let code = link.rsplit('/').next().unwrap();
    let shown = b.client.groups().get_invite_info(code).await.unwrap();
    assert_eq!((shown.subject.as_str(), shown.size), ("open", Some(1)));
    let joined = b.client.groups().join_with_invite_code(code).await.unwrap();
    assert_eq!(joined, JoinGroupResult::Joined(jid(&group)));
    assert_eq!(a.people("add").await, [phone_b.jid()]);
    assert!(b.client.groups().join_with_invite_code(code).await.unwrap_err().to_string().contains("409"));

    let renewed = phone_a.group_code(&group, true).unwrap();
    assert_ne!(renewed, code);
    assert!(b.client.groups().get_invite_info(code).await.unwrap_err().to_string().contains("410"));
    phone_a.set_group(&group, &GroupSettings { approval: true, ..GroupSettings::default() }).unwrap();
    let third = network.phone("15550000003");
    assert!(!third.join_group(&renewed).unwrap());
    a.action("request", |action| matches!(action, Action::CreatedMembershipRequests { .. }).then_some(())).await;
    let asked = a.client.groups().get_membership_requests(&jid(&group)).await.unwrap();
    assert_eq!(asked[0].jid.to_string(), third.jid());
    let decided = a.client.groups().approve_membership_requests(&jid(&group), &[jid(&third.jid())]).await.unwrap();
    assert!(decided[0].is_ok());
    assert_eq!(third.groups(), std::slice::from_ref(&group));
    let fourth = network.phone("15550000004");
    fourth.join_group(&renewed).unwrap();
    a.client.groups().reject_membership_requests(&jid(&group), &[jid(&fourth.jid())]).await.unwrap();
    assert_eq!(phone_a.group(&group).unwrap().requests, [""; 0]);
    assert_eq!(fourth.groups(), [""; 0]);
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptions_name_the_one_they_replace() {
    let (Pair { network, phones: [_, phone_b], a, b }, group) = group(true).await;
    let at = jid(&group);
    let text = |text: &str| Some(wacore::iq::groups::GroupDescription::new(text).unwrap());
    a.client.groups().set_description(at.clone(), text("what it is about"), PreviousDescription::Absent).await.unwrap();
    assert_eq!(phone_b.group(&group).unwrap().description.as_deref(), Some("what it is about"));
    let stale =
        a.client.groups().set_description(at.clone(), text("again"), PreviousDescription::Absent).await.unwrap_err();
    assert!(matches!(stale, whatsapp_rust::GroupError::DescriptionConflict), "{stale}");
    let told = b.client.groups().get_metadata(&at).await.unwrap();
    assert_eq!(told.description.as_deref(), Some("what it is about"));
    let prev = PreviousDescription::Id(told.description_id.as_deref().unwrap());
    a.client.groups().set_description(at, None, prev).await.unwrap();
    assert_eq!(phone_b.group(&group).unwrap().description, None);
    assert_eq!(network.violations(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn some_people_cannot_be_added() {
    let (Pair { network, phones: [_, phone_b], a, .. }, group) = group(false).await;
    let (closed, blocking) = (network.phone("15550000003"), network.phone("15550000004"));
    closed.close_to_groups(true);
    blocking.block("15550000001", true);
    let outcome = a.client.groups().add_participants(jid(&group), &[jid(&closed.jid()), jid(&blocking.jid())]).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome[0].error.as_deref(), Some("403"));
    assert!(outcome[0].add_request.is_some(), "whoever can't be added can be invited");
    assert_eq!(outcome[1].error.as_deref(), Some("401"));
    assert_eq!(phone_b.group(&group).unwrap().members.len(), 2);
    assert_eq!(network.violations(), []);
}
