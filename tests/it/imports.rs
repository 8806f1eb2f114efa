//! Files of contacts over HTTP: what comes into a list, what is told of what does not, and what goes out again.

use std::io::Write as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::lists::{all, list};
use crate::world::{World, answer};

/// Sends a file, and waits for its end.
async fn import(world: &World, path: &str, query: &str, file: impl Into<reqwest::Body>) -> (u16, Value) {
    let to = format!("{path}/import?wait=25s{query}");
    answer(world.ask(Method::POST, &to).body(file).send().await.unwrap()).await
}

/// Counts of the rows that are not nought, but those that were read.
fn counts(import: &Value) -> Value {
    let rows = import["rows"].as_object().unwrap().iter();
    rows.filter(|(_, n)| **n != json!(0)).map(|(word, n)| (word.clone(), n.clone())).collect()
}

async fn problems(world: &World, path: &str, import: &Value) -> Vec<(u64, String)> {
    let found = all(world, &format!("{path}/imports/{}/problems", import["id"].as_str().unwrap()), 2).await;
    found.iter().map(|one| (one["line"].as_u64().unwrap(), one["problem"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_csv_file_comes_into_a_list_and_says_which_rows_did_not() {
    let world = World::with(&[("WASUP__DEFAULT_REGION", "ID")]).await;
    let path = list(&world, "L").await;
    let file = "\u{feff}Name;Phone Number;Tags;City\r\n\
        Budi;0812 3456 7890;\"vip, new\";Jakarta\r\n\
        Siti;+62 812-3456-7891;;\"Kota \"\"Baru\"\"\"\r\n\
        Nobody;;;Bonn\r\n\
        Wrong;12;;Bonn\r\n\
        \r\n\
        Budi S.;6281234567890;late;\r\n";
    let (status, done) = import(&world, &path, "&filename=people.csv&add_tags=2026", file).await;
    assert_eq!((status, &done["state"], &done["phase"]), (200, &json!("completed"), &Value::Null), "{done}");
    assert_eq!((&done["format"], &done["filename"]), (&json!("csv"), &json!("people.csv")));
    let expected = json!({"read": 5, "added": 2, "duplicate": 1, "missing_number": 1, "bad_number": 1});
    assert_eq!((counts(&done), &done["problems"]), (expected, &json!(3)));
    let told = problems(&world, &path, &done).await;
    let expected = [(4, "missing_number"), (5, "bad_number"), (7, "duplicate")];
    assert_eq!(told, expected.map(|(line, what)| (line, what.to_owned())));
    let (_, budi) = world.get(&format!("{path}/contacts/6281234567890")).await;
    assert_eq!((&budi["name"], &budi["fields"]), (&json!("Budi S."), &json!({"City": "Jakarta"})));
    assert_eq!(budi["tags"], json!(["2026", "late", "new", "vip"]));
    let (_, siti) = world.get(&format!("{path}/contacts/6281234567891")).await;
    assert_eq!(siti["fields"], json!({"City": "Kota \"Baru\""}));
    assert_eq!(world.get(&path).await.1["contacts"], 2);

    let scraped = world.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    for line in [
        "wasup_import_rows_total{outcome=\"added\"} 2",
        "wasup_import_rows_total{outcome=\"bad_number\"} 1",
        "wasup_import_rows_total{outcome=\"duplicate\"} 1",
        "wasup_imports_total{outcome=\"completed\"} 1",
        "wasup_import_seconds_count 1",
        "wasup_imports{state=\"running\"} 0",
        "wasup_lists 1",
        "wasup_list_contacts 2",
    ] {
        assert!(scraped.lines().any(|shown| shown == line), "{line} is not in\n{scraped}");
    }

    // The same again changes nothing; kept, replaced and named columns as asked.
    let (_, again) = import(&world, &path, "&add_tags=2026", file).await;
    assert_eq!(counts(&again)["known"], 2, "{again}");
    let (_, kept) = import(&world, &path, "&known=keep", "number,name\n6281234567890,Other\n").await;
    assert_eq!(counts(&kept), json!({"read": 1, "known": 1}));
    let other = "who\twa number\n=Z\t0812 3456 7890\n";
    let (_, replaced) = import(&world, &path, "&known=replace&number=WA%20number&name=who", other).await;
    assert_eq!(counts(&replaced), json!({"read": 1, "changed": 1}), "{replaced}");
    let (_, budi) = world.get(&format!("{path}/contacts/6281234567890")).await;
    assert_eq!((&budi["name"], &budi["tags"]), (&json!("=Z"), &json!([])));
    let listed = all(&world, &format!("{path}/imports"), 3).await;
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[3]["id"], done["id"], "the newest first");
    let one = format!("{path}/imports/{}", done["id"].as_str().unwrap());
    assert_eq!(world.get(&one).await, (200, done));
    assert_eq!(world.delete(&one).await.0, 204);
    assert_eq!((world.get(&one).await.0, world.get(&format!("{one}/problems")).await.0), (404, 404));
    assert_eq!(world.get(&path).await.1["contacts"], 2, "what it brought stays");
}

/// A workbook with one sheet of these cells.
fn workbook(sheet: &str, texts: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let files = [
        (
            "[Content_Types].xml",
            format!("{head}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
        ),
        (
            "_rels/.rels",
            format!(
                "{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!(
                "{head}<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"People\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!(
                "{head}<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/><Relationship Id=\"rId2\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings\" Target=\"sharedStrings.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/sharedStrings.xml",
            format!("{head}<sst xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">{texts}</sst>"),
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!(
                "{head}<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{sheet}</sheetData></worksheet>"
            ),
        ),
    ];
    for (name, text) in files {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

const TEXTS: &str = "<si><t>Name</t></si><si><t>Mobile</t></si><si><t>Budi</t></si><si><t>City</t></si>";

#[tokio::test]
async fn a_workbook_comes_in_as_a_form_and_numbers_stay_numbers() {
    let world = World::start().await;
    let path = list(&world, "L").await;
    let sheet = "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c><c r=\"D1\" t=\"s\"><v>3</v></c></row>\
        <row r=\"2\"><c r=\"A2\" t=\"s\"><v>2</v></c><c r=\"B2\"><v>6281234567890</v></c><c r=\"D2\" t=\"inlineStr\"><is><t>Köln</t></is></c></row>\
        <row r=\"5\"><c r=\"B5\"><v>6.281234567891E12</v></c></row>\
        <row r=\"9\"><c r=\"A9\" t=\"s\"><v>2</v></c></row>";
    let mut form =
        b"--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"people.xlsx\"\r\n\r\n".to_vec();
    form.extend(workbook(sheet, TEXTS));
    form.extend(b"\r\n--edge--\r\n");
    let to = world.ask(Method::POST, &format!("{path}/import?wait=25s"));
    let sent = to.header("content-type", "multipart/form-data; boundary=edge").body(form).send().await.unwrap();
    let (status, done) = answer(sent).await;
    assert_eq!((status, &done["state"], &done["format"]), (200, &json!("completed"), &json!("xlsx")), "{done}");
    assert_eq!(done["filename"], "people.xlsx");
    assert_eq!(counts(&done), json!({"read": 3, "added": 2, "missing_number": 1}));
    assert_eq!(problems(&world, &path, &done).await, [(9, "missing_number".to_owned())]);
    let (_, budi) = world.get(&format!("{path}/contacts/6281234567890")).await;
    assert_eq!((&budi["name"], &budi["fields"]), (&json!("Budi"), &json!({"City": "Köln"})));
    assert_eq!(world.get(&format!("{path}/contacts/6281234567891")).await.0, 200);
}

#[tokio::test]
async fn files_that_nobody_can_read_or_should_are_refused() {
    let limits = [("WASUP__LISTS__IMPORT_MAX", "1 MiB"), ("WASUP__LISTS__IMPORT_UNPACKED_MAX", "4 MiB")];
    let world = World::with(&limits).await;
    let path = list(&world, "L").await;
    let too_long = "number\n".to_owned() + &"6281234567890\n".repeat(80_000);
    for (file, status, code) in [
        (Vec::new(), 400, "invalid"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), 415, "unsupported_media_type"),
        (b"%PDF-1.7".to_vec(), 415, "unsupported_media_type"),
        (too_long.into_bytes(), 413, "body_too_large"),
    ] {
        let (told, problem) = import(&world, &path, "", file).await;
        assert_eq!((told, &problem["code"]), (status, &json!(code)), "{problem}");
    }
    let bomb = workbook(
        "<row r=\"1\"><c r=\"A1\" t=\"s\"><v>0</v></c></row>",
        &format!("<si><t>{}</t></si>", "0</t></si><si><t>".repeat(1 << 19)),
    );
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let endless = workbook(
        &format!("<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>{}</t></is></c></row>", "x".repeat(1 << 20)),
        TEXTS,
    );
    let utf16: Vec<u8> = "\u{feff}number\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (file, reason) in [
        (bomb, "too_large"),
        (endless, "too_large"),
        (utf16, "unreadable"),
        (b"PK\x03\x04 and nothing of a workbook".to_vec(), "unreadable"),
        (b"a,b\n1,2\n".to_vec(), "unreadable"),
        (b"number\xff\n".to_vec(), "unreadable"),
        (b"\n\n".to_vec(), "unreadable"),
    ] {
        let (status, done) = import(&world, &path, "", file).await;
        assert_eq!((status, &done["state"], &done["reason"]), (200, &json!("failed"), &json!(reason)), "{done}");
        assert!(done["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
    let huge = format!(
        "number,name\n6281234567890,{}\n6281234567891,B\n6281234567892,\"never closed\n6281234567893,C\n",
        "x".repeat(200_000)
    );
    let (_, done) = import(&world, &path, "", huge).await;
    assert_eq!(counts(&done), json!({"read": 3, "added": 2, "too_long": 1}), "{done}");
    let mut latin = b"number,name\n6281234567894,Jos".to_vec();
    latin.extend(b"\xe9\n6281234567895,Jo\n");
    let (_, done) = import(&world, &path, "", latin).await;
    assert_eq!(counts(&done), json!({"read": 2, "added": 1, "not_text": 1}));
    for query in ["&region=XYZ", "&known=maybe", "&add_tags=a%3Bb", "&wait=soon", "&filename=a%2Fb", "&colour=red"] {
        assert_eq!(import(&world, &path, query, "number\n1\n").await.0, 400, "{query}");
    }
    assert_eq!(import(&world, "/v1/lists/lst_00000000000000000000000000", "", "number\n").await.0, 404);
    assert_eq!(world.delete(&path).await.0, 204);
    assert_eq!(import(&world, &path, "", "number\n").await.0, 404);
}

async fn export(world: &World, path: &str, query: &str) -> String {
    let answer = world.ask(Method::GET, &format!("{path}/export{query}")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn what_goes_out_as_a_file_comes_back_as_it_was() {
    let world = World::start().await;
    let path = list(&world, "L").await;
    let odd = ["=1+1", "'=x", "a,b", "say \"x\"", "two\nlines", "-5", "@me", "größe", "'tis", "a;b\tc"];
    let contacts: Vec<Value> = (0..600)
        .map(|n| {
            let value = odd[n % odd.len()];
            json!({"phone": format!("+62812{n:07}"), "name": value, "tags": [format!("t{}", n % 7), "all"],
                "fields": {"=field": value, "n": n.to_string()}})
        })
        .collect();
    let (_, added) = world.post(&format!("{path}/contacts"), &json!({"contacts": contacts})).await;
    assert_eq!(added["added"], 600, "{added}");
    world.put(&format!("{path}/contacts/+4930123456"), &json!({})).await;
    let mut before = all(&world, &format!("{path}/contacts"), 500).await;
    for query in ["", "?delimiter=semicolon&bom=true", "?delimiter=tab"] {
        let file = export(&world, &path, query).await;
        assert_eq!(file.starts_with('\u{feff}'), query.contains("bom"));
        assert!(!file.contains(",=1") && !file.contains(";=1") && !file.contains("\t=1"), "a formula is guarded");
        let copy = list(&world, "copy").await;
        let (_, done) = import(&world, &copy, "", file).await;
        assert_eq!(counts(&done), json!({"read": 601, "added": 601}), "{query}: {done}");
        let mut after = all(&world, &format!("{copy}/contacts"), 500).await;
        for one in before.iter_mut().chain(&mut after) {
            one["added_at"] = Value::Null;
        }
        assert_eq!(before, after, "{query}");
    }
    let some = export(&world, &path, "?tag=T3&fields=n").await;
    assert_eq!(some.lines().next(), Some("number,name,tags,n"));
    assert_eq!(all(&world, &format!("{path}/contacts?tag=t3"), 500).await.len(), 86);
    assert_eq!(world.get("/v1/lists/lst_00000000000000000000000000/export").await.0, 404);
}

/// Files that nobody wants go, a moment after their import has ended.
async fn nothing_left(world: &World) {
    let folder = world.folder.path().join("data/imports");
    let end = tokio::time::Instant::now() + crate::world::PATIENCE;
    while std::fs::read_dir(&folder).unwrap().count() > 0 {
        assert!(tokio::time::Instant::now() < end, "a file stays");
        tokio::task::yield_now().await;
    }
}

/// Stopped in the middle, an import goes on in the next process, and tells the truth at its end.
#[tokio::test]
async fn an_import_goes_on_after_a_stop() {
    let world = World::start().await;
    let path = list(&world, "L").await;
    let rows = 30_000;
    let mut file = "number,name,tags\n".to_owned();
    for n in 0..rows {
        // Each tenth number stands twice.
        file += &format!("+62812{:07},N{n},t{}\n", if n % 10 == 9 { n - 1 } else { n }, n % 5);
    }
    let to = format!("{path}/import?wait=0s");
    let (status, begun) = answer(world.ask(Method::POST, &to).body(file).send().await.unwrap()).await;
    assert!(status == 202 || begun["state"] == "completed", "{status} {begun}");
    let one = format!("{path}/imports/{}", begun["id"].as_str().unwrap());
    let world = world.restart(&[]).await;
    let done = world.until(&one, |import| import["state"] != "running").await;
    assert_eq!(done["state"], "completed", "{done}");
    assert_eq!(counts(&done), json!({"read": rows, "added": rows * 9 / 10, "duplicate": rows / 10}));
    assert_eq!(world.get(&path).await.1["contacts"], rows * 9 / 10);
    nothing_left(&world).await;
}

#[tokio::test]
async fn whoever_deletes_a_list_or_an_import_ends_it() {
    let world = World::start().await;
    let path = list(&world, "L").await;
    let file = "number\n".to_owned() + &(0..20_000).map(|n| format!("+62812{n:07}\n")).collect::<String>();
    let to = format!("{path}/import?wait=0s");
    let (_, begun) = answer(world.ask(Method::POST, &to).body(file).send().await.unwrap()).await;
    let one = format!("{path}/imports/{}", begun["id"].as_str().unwrap());
    assert_eq!(world.delete(&one).await.0, 204);
    assert_eq!(world.delete(&path).await.0, 204);
    nothing_left(&world).await;
}
