//! Lists that are read in several looks: a page as long as a look, or as the list, is not followed by an empty one.

use super::world::{World, account, me, somebody};
use crate::ChatsQuery;

/// Chats, as many as one look reads at most.
const CHATS: u64 = 256;

#[tokio::test]
async fn a_list_as_long_as_a_look_ends_with_it() {
    let world = World::running().await;
    world.connected(&["a"]).await;
    for n in 0..CHATS {
        world.receive("a", &somebody(n), &format!("3EB0{n:012}")).await;
    }
    let (tree, id) = (world.tree(), account("a"));
    for limit in [64, 128, 256, 300] {
        let (mut query, mut pages, mut people) =
            (ChatsQuery { limit, ..ChatsQuery::default() }, Vec::new(), Vec::new());
        loop {
            let page = tree.chats.list(&me(), &id, &query).await.unwrap();
            pages.push(page.lines.len());
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        let mut after = None;
        loop {
            let page = tree.people.list(&me(), &id, after, None, limit).await.unwrap();
            people.push(page.contacts.len());
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let full = usize::try_from(CHATS).unwrap();
        let expected = vec![limit.min(full); full.div_ceil(limit)];
        assert_eq!((pages, people), (expected.clone(), expected), "{limit}");
    }
    let skipping = ChatsQuery { limit: 56, skip: 200, ..ChatsQuery::default() };
    let page = tree.chats.list(&me(), &id, &skipping).await.unwrap();
    assert_eq!((page.lines.len(), page.next), (56, None));
}
