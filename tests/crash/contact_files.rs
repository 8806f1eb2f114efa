//! Files of contacts with good rows and bad ones, and what must come of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

/// How many numbers there are: those of one series of mobiles.
const SERIES: u64 = 10_000_000;
/// Goes through all of them in no order that anybody sees: it has no divisor in common with how many there are.
const STEP: u64 = 7_919_993;
/// So many rows earlier stood the number of a row that is more of the same.
const EARLIER: u64 = 40;

/// A row as somebody wrote it.
struct Row {
    number: String,
    name: String,
    tags: String,
    city: String,
}

/// What a row is, apart from one with a contact of its own.
fn fault(n: u64) -> Option<&'static str> {
    match n {
        n if n % 97 == 96 => Some("missing_number"),
        n if n % 101 == 100 => Some("bad_number"),
        n if n % 89 == 88 && fault(n - EARLIER).is_none() => Some("duplicate"),
        _ => None,
    }
}

fn row(n: u64, seed: u64) -> Row {
    let good = |n: u64| format!("62812{:07}", (n * STEP + seed % SERIES) % SERIES);
    let number = match fault(n) {
        None => good(n),
        Some("duplicate") => good(n - EARLIER),
        Some("bad_number") => "12".to_owned(),
        Some(_) => String::new(),
    };
    let tags = format!("group{};tenth{}", n % 10, n * 10 / 997 % 10);
    Row { number, name: format!("Person {n}"), tags, city: format!("Town {}", n % 500) }
}

/// The file's rows, from an n and to another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ContactFile {
    pub(crate) rows: u64,
    pub(crate) seed: u64,
}

/// What must come of a file.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Outcome {
    /// Counts of rows, by word.
    pub(crate) counts: BTreeMap<String, u64>,
    /// Rows with something wrong, by line.
    pub(crate) problems: BTreeMap<u64, String>,
    /// Contacts by number: name, tags and fields.
    pub(crate) people: BTreeMap<String, Value>,
    /// How many have a tag.
    pub(crate) tags: BTreeMap<String, u64>,
}

impl ContactFile {
    fn each(self) -> impl Iterator<Item = (u64, Row)> {
        (0..self.rows).map(move |n| (n, row(n, self.seed)))
    }

    /// As CSV.
    pub(crate) fn csv(self) -> Vec<u8> {
        let mut out = "number,name,tags,city\r\n".to_owned();
        for (_, Row { number, name, tags, city }) in self.each() {
            writeln!(out, "{number},{name},{tags},{city}\r").unwrap();
        }
        out.into_bytes()
    }

    /// As a workbook, with numbers that are numbers.
    pub(crate) fn xlsx(self) -> Vec<u8> {
        let mut sheet = String::new();
        let text =
            |at: char, n: u64, text: &str| format!("<c r=\"{at}{n}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
        for (at, name) in ('A'..).zip(["number", "name", "tags", "city"]) {
            sheet.push_str(&text(at, 1, name));
        }
        let mut rows = format!("<row r=\"1\">{sheet}</row>");
        for (n, row) in self.each() {
            let n = n + 2;
            let number = match row.number.as_str() {
                "" => String::new(),
                number => format!("<c r=\"A{n}\"><v>{number}</v></c>"),
            };
            let [name, tags, city] =
                [('B', &row.name), ('C', &row.tags), ('D', &row.city)].map(|(at, cell)| text(at, n, cell));
            write!(rows, "<row r=\"{n}\">{number}{name}{tags}{city}</row>").unwrap();
        }
        workbook(&rows)
    }

    /// What must come of it in an empty list, where what is said twice is merged.
    pub(crate) fn outcome(self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut people: BTreeMap<String, (String, BTreeSet<String>, String)> = BTreeMap::new();
        outcome.counts.insert("read".into(), self.rows);
        for (n, row) in self.each() {
            let fault = fault(n);
            *outcome.counts.entry(fault.unwrap_or("added").to_owned()).or_default() += 1;
            if let Some(fault) = fault {
                outcome.problems.insert(n + 2, fault.to_owned());
            }
            if fault.is_none_or(|fault| fault == "duplicate") {
                let (name, tags, city) = people.entry(row.number).or_default();
                (*name, *city) = (row.name, row.city);
                tags.extend(row.tags.split(';').map(str::to_owned));
            }
        }
        for (number, (name, tags, city)) in people {
            for tag in &tags {
                *outcome.tags.entry(tag.clone()).or_default() += 1;
            }
            outcome.people.insert(number, json!({"name": name, "tags": tags, "fields": {"city": city}}));
        }
        outcome
    }
}

fn workbook(rows: &str) -> Vec<u8> {
    let (head, schemas) = ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "http://schemas.openxmlformats.org");
    let office = format!("{schemas}/officeDocument/2006/relationships");
    let relation = |kind: &str, target: &str| {
        let one = format!("<Relationship Id=\"rId1\" Type=\"{office}/{kind}\" Target=\"{target}\"/>");
        format!("<Relationships xmlns=\"{schemas}/package/2006/relationships\">{one}</Relationships>")
    };
    let main = format!("{schemas}/spreadsheetml/2006/main");
    let sheets = "<sheets><sheet name=\"People\" sheetId=\"1\" r:id=\"rId1\"/></sheets>";
    let files = [
        ("[Content_Types].xml", format!("<Types xmlns=\"{schemas}/package/2006/content-types\"/>")),
        ("_rels/.rels", relation("officeDocument", "xl/workbook.xml")),
        ("xl/workbook.xml", format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\">{sheets}</workbook>")),
        ("xl/_rels/workbook.xml.rels", relation("worksheet", "worksheets/sheet1.xml")),
        ("xl/worksheets/sheet1.xml", format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>")),
    ];
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(format!("{head}{text}").as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}
