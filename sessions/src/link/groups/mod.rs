//! Questions about groups, over the library.

mod query;
pub(super) mod record;

pub(super) use query::told;

use async_trait::async_trait;
use wacore::iq::groups::{
    GroupCreateOptions, GroupDescription, GroupParticipantOptions, GroupSubject, JoinGroupResult, MemberAddMode,
    MembershipApprovalMode, ParticipantChangeResponse,
};
use wacore_binary::Jid as LibraryJid;
use wasup_store::jid::Jid;
use wasup_store::records::{GroupChange, GroupRecord, Participant};
use whatsapp_rust::request::IqError;
use whatsapp_rust::{Client, PreviousDescription};

use super::asking::Unanswered;
use super::inbound::address;
use super::whatsapp::WhatsAppLink;
use crate::ports::{
    AskError, GroupCalls, GroupPreview, JoinRequest, JoinedGroup, MemberOutcome, MemberVerb, Members, NewGroup,
};

fn library(group: &Jid) -> Result<LibraryJid, AskError> {
    group.as_str().parse().map_err(|_| AskError::Invalid("not the address of a group".into()))
}

/// A person as a group addresses them, as far as both addresses are known.
fn addressed(who: &Participant, lid: bool) -> Result<LibraryJid, AskError> {
    let by_lid = who.lid.as_ref().filter(|_| lid).and_then(|lid| lid.as_str().parse().ok());
    let found = by_lid.or_else(|| address::destination(who));
    found.ok_or_else(|| AskError::Invalid("not the address of a person".into()))
}

fn too_long(what: &str) -> AskError {
    AskError::Invalid(format!("the {what} is too long"))
}

/// What became of everybody asked for; somebody whom the answer leaves out was not done.
fn outcomes(asked: &[(Participant, LibraryJid)], answered: &[ParticipantChangeResponse]) -> Vec<MemberOutcome> {
    let matches = |jid: &LibraryJid, who: &Participant, one: &ParticipantChangeResponse| {
        let known = |of: &LibraryJid| address::canonical(of);
        let theirs = [Some(&one.jid), one.phone_number.as_ref()].into_iter().flatten().filter_map(known);
        let ours: Vec<Jid> = [Some(who.jid.clone()), who.lid.clone(), who.phone.as_deref().map(Jid::phone), known(jid)]
            .into_iter()
            .flatten()
            .collect();
        theirs.into_iter().any(|jid| ours.contains(&jid))
    };
    let one = |(place, (who, jid)): (usize, &(Participant, LibraryJid))| {
        // The network answers in its own addresses, and in the order of the question.
        let found = answered.iter().find(|one| matches(jid, who, one));
        let found = found.or_else(|| answered.get(place).filter(|_| answered.len() == asked.len()));
        let refused = match found {
            Some(one) => one.error.as_deref().map(|code| code.parse().unwrap_or(u16::MAX)),
            None => Some(u16::MAX),
        };
        MemberOutcome { who: who.clone(), refused }
    };
    asked.iter().enumerate().map(one).collect()
}

/// Every group, in the order of their addresses.
pub(super) async fn every_group(client: &Client) -> Result<Vec<GroupRecord>, IqError> {
    let groups = Box::pin(client.execute(query::Participating)).await?;
    let mut records = Vec::with_capacity(groups.len());
    for (info, members_add) in &groups {
        if let Some(record) = record::whole(info, *members_add) {
            records.push(with_numbers(client, record).await);
        }
    }
    records.sort_by(|a, b| a.jid.cmp(&b.jid));
    Ok(records)
}

/// One group.
pub(super) async fn one_group(client: &Client, group: LibraryJid) -> Result<Option<GroupRecord>, IqError> {
    let (info, members_add) = Box::pin(client.execute(query::Group(group))).await?;
    Ok(match record::whole(&info, members_add) {
        Some(record) => Some(with_numbers(client, record).await),
        None => None,
    })
}

/// The phone numbers that the network left out and the library has learnt.
async fn with_numbers(client: &Client, mut record: GroupRecord) -> GroupRecord {
    for member in record.members.iter_mut().filter(|member| member.who.phone.is_none()) {
        let Ok(jid) = member.who.jid.as_str().parse::<LibraryJid>() else { continue };
        if let Ok(Some(entry)) = client.get_lid_pn_entry(&jid).await {
            member.who.phone = Some(entry.phone_number.to_string());
        }
    }
    record
}

#[async_trait]
impl GroupCalls for WhatsAppLink {
    async fn all(&self) -> Result<Vec<GroupRecord>, AskError> {
        self.ask(every_group(self.client())).await
    }

    async fn get(&self, group: &Jid) -> Result<GroupRecord, AskError> {
        let jid = library(group)?;
        let found = self.ask(one_group(self.client(), jid)).await?;
        found.ok_or(AskError::NotFound)
    }

    async fn create(&self, new: &NewGroup) -> Result<GroupRecord, AskError> {
        let mut options = GroupCreateOptions::new(new.subject.as_str());
        if let Some(text) = &new.description {
            options.description = Some(GroupDescription::new(text.as_str()).map_err(|_| too_long("description"))?);
        }
        for who in &new.members {
            options.participants.push(GroupParticipantOptions::new(addressed(who, false)?));
        }
        let groups = self.client().groups();
        let made = self.ask(async { groups.create_group(options).await }).await?;
        let group = address::canonical(&made.metadata.id).ok_or(AskError::NotFound)?;
        // The answer lists people who could not be added, too; the group itself does not.
        self.get(&group).await
    }

    async fn change(&self, group: &Jid, change: &GroupChange) -> Result<(), AskError> {
        let jid = library(group)?;
        let groups = self.client().groups();
        self.ask(async {
            match change {
                GroupChange::Subject(subject) => {
                    let subject = GroupSubject::new(subject.as_str()).map_err(|_| Unanswered(too_long("subject")))?;
                    groups.set_subject(jid, subject).await?;
                }
                GroupChange::Description(text) => {
                    let text = text.as_deref().map(GroupDescription::new).transpose();
                    let text = text.map_err(|_| Unanswered(too_long("description")))?;
                    groups.set_description(jid, text, PreviousDescription::Resolve).await?;
                }
                GroupChange::Locked(on) => groups.set_locked(jid, *on).await?,
                GroupChange::Announce(on) => groups.set_announce(jid, *on).await?,
                GroupChange::DisappearsAfter(seconds) => groups.set_ephemeral(jid, seconds.unwrap_or(0)).await?,
                GroupChange::Approval(on) => {
                    let mode = if *on { MembershipApprovalMode::On } else { MembershipApprovalMode::Off };
                    groups.set_membership_approval(jid, mode).await?;
                }
                GroupChange::MembersAdd(on) => {
                    let mode = if *on { MemberAddMode::AllMemberAdd } else { MemberAddMode::AdminAdd };
                    groups.set_member_add_mode(&jid, mode).await?;
                }
                GroupChange::New | GroupChange::Picture(_) | GroupChange::InviteLink | GroupChange::Deleted => {
                    return Err(Unanswered(AskError::Invalid("no such change".into())));
                }
            }
            Ok::<_, Unanswered>(())
        })
        .await
    }

    async fn set_picture(&self, group: &Jid, jpeg: Option<Vec<u8>>) -> Result<Option<String>, AskError> {
        let jid = library(group)?;
        let (groups, set) = (self.client().groups(), jpeg.is_some());
        // Without bytes the library takes the picture away.
        let answered = self.ask(async { groups.set_profile_picture(jid, jpeg.unwrap_or_default()).await }).await?;
        Ok(Some(answered.id).filter(|id| set && !id.is_empty()))
    }

    async fn members(&self, group: &Jid, verb: MemberVerb, of: &Members) -> Result<Vec<MemberOutcome>, AskError> {
        let jid = library(group)?;
        let asked: Vec<(Participant, LibraryJid)> =
            of.who.iter().map(|who| Ok((who.clone(), addressed(who, of.lid)?))).collect::<Result<_, AskError>>()?;
        let people: Vec<LibraryJid> = asked.iter().map(|(_, jid)| jid.clone()).collect();
        let groups = self.client().groups();
        let answered = self
            .ask(async {
                match verb {
                    MemberVerb::Add => groups.add_participants(jid, &people).await,
                    MemberVerb::Remove => groups.remove_participants(jid, &people).await,
                    MemberVerb::Promote => groups.promote_participants(jid, &people).await,
                    MemberVerb::Demote => groups.demote_participants(jid, &people).await,
                    MemberVerb::Approve => groups.approve_membership_requests(&jid, &people).await,
                    MemberVerb::Reject => groups.reject_membership_requests(&jid, &people).await,
                }
            })
            .await?;
        Ok(outcomes(&asked, &answered))
    }

    async fn leave(&self, group: &Jid) -> Result<(), AskError> {
        let jid = library(group)?;
        let groups = self.client().groups();
        self.ask(async { groups.leave(jid).await }).await
    }

    async fn invite_code(&self, group: &Jid, renew: bool) -> Result<String, AskError> {
        let jid = library(group)?;
        let groups = self.client().groups();
        let link = self.ask(async { groups.get_invite_link(&jid, renew).await }).await?;
        Ok(link.rsplit('/').next().unwrap_or_default().to_owned())
    }

    async fn preview(&self, code: &str) -> Result<GroupPreview, AskError> {
        let (info, members_add) = self.ask(self.client().execute(query::Invited(code.to_owned()))).await?;
        let group = record::whole(&info, members_add).ok_or(AskError::NotFound)?;
        let size = info.size.map_or(group.members.len(), |size| usize::try_from(size).unwrap_or(usize::MAX));
        Ok(GroupPreview { group, size })
    }

    async fn join(&self, code: &str) -> Result<JoinedGroup, AskError> {
        let groups = self.client().groups();
        let joined = self.ask(async { groups.join_with_invite_code(code).await }).await?;
        let group = address::canonical(joined.group_jid()).ok_or(AskError::NotFound)?;
        Ok(JoinedGroup { group, waiting: matches!(joined, JoinGroupResult::PendingApproval(_)) })
    }

    async fn requests(&self, group: &Jid) -> Result<Vec<JoinRequest>, AskError> {
        let jid = library(group)?;
        let groups = self.client().groups();
        let asked = self.ask(async { groups.get_membership_requests(&jid).await }).await?;
        let mut requests = Vec::with_capacity(asked.len());
        for one in asked {
            let other = self.other_address(&one.jid).await;
            let who = address::participant(&one.jid, other.as_ref());
            let at_ms = one.request_time.map(|seconds| seconds.saturating_mul(1_000));
            requests.extend(who.map(|who| JoinRequest { who, at_ms }));
        }
        Ok(requests)
    }
}

impl WhatsAppLink {
    /// The other address of somebody, where the library has learnt it.
    pub(super) async fn other_address(&self, jid: &LibraryJid) -> Option<LibraryJid> {
        other_address(self.client(), jid).await
    }
}

/// The other address of somebody, where the library has learnt it.
pub(super) async fn other_address(client: &Client, jid: &LibraryJid) -> Option<LibraryJid> {
    let entry = client.get_lid_pn_entry(jid).await.ok().flatten()?;
    if jid.is_lid() { Some(LibraryJid::pn(&*entry.phone_number)) } else { Some(LibraryJid::lid(&*entry.lid)) }
}
