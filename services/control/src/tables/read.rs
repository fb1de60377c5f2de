//! From a file's bytes to text cells.

use encoding_rs::WINDOWS_1252;

use super::Problem;
use super::guard::unguard;

/// One row as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it begins in the file, counted from 1.
    pub line: u64,
    pub cells: Vec<String>,
}

/// A file as text: header names in lower case, cells without the guard against formulas, empty rows left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub header: Vec<String>,
    pub records: Vec<Record>,
}

impl Table {
    /// Reads bytes that a spreadsheet may have rewritten: with BOM or without, UTF-8 or Windows-1252, CRLF, and the
    /// delimiter under which the header has the most of the `expected` names.
    pub fn read(bytes: &[u8], expected: &[&str]) -> Result<Table, Problem> {
        let text = decode(bytes)?;
        let (text, skipped) = without_separator_line(&text);
        let known = |delimiter: &u8| {
            let header = header(text, *delimiter);
            header.iter().filter(|name| expected.contains(&name.as_str())).count()
        };
        let mut delimiter = b',';
        for candidate in [b';', b'\t'] {
            if known(&candidate) > known(&delimiter) {
                delimiter = candidate;
            }
        }
        if known(&delimiter) == 0 {
            return Err(whole_file(
                "the first line names no known column",
                "Keep the header line as it was written",
            ));
        }
        let mut table = Table { header: header(text, delimiter), records: Vec::new() };
        let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 + skipped };
        for record in reader(text, delimiter).into_records().skip(1) {
            let record =
                record.map_err(|error| whole_file(&error.to_string(), "Save the file again as CSV"))?;
            let line = lines.line_at(record.position().map_or(0, csv::Position::byte));
            let cells: Vec<String> = record.iter().map(|cell| unguard(cell).to_owned()).collect();
            if cells.iter().any(|cell| !cell.trim().is_empty()) {
                table.records.push(Record { line, cells: without_empty_tail(cells, table.header.len()) });
            }
        }
        Ok(table)
    }
}

/// Counts lines as an editor does. The parser's own count points at the line end before a record, and skips empty lines.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn line_at(&mut self, byte: u64) -> u64 {
        let mut end = usize::try_from(byte).unwrap_or(usize::MAX).min(self.text.len());
        while matches!(self.text.get(end), Some(b'\r' | b'\n')) {
            end += 1;
        }
        if let Some(passed) = self.text.get(self.at..end) {
            self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
            self.at = end;
        }
        self.line
    }
}

fn whole_file(cause: &str, remedy: &str) -> Problem {
    Problem { line: 0, column: None, cause: cause.to_owned(), remedy: remedy.to_owned() }
}

fn decode(bytes: &[u8]) -> Result<String, Problem> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) || bytes.contains(&0) {
        return Err(whole_file("the file is not a CSV file", "Save it as \"CSV UTF-8 (comma delimited)\""));
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned()),
    }
}

/// Excel's `sep=;` before the header.
fn without_separator_line(text: &str) -> (&str, u64) {
    match text.split_once('\n') {
        Some((first, rest)) if first.trim_end().len() == 5 && first.to_lowercase().starts_with("sep=") => {
            (rest, 1)
        }
        _ => (text, 0),
    }
}

fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
}

fn header(text: &str, delimiter: u8) -> Vec<String> {
    let first = reader(text, delimiter).into_records().next();
    let names = first.and_then(Result::ok).unwrap_or_default();
    names.iter().map(|name| unguard(name).trim().to_lowercase()).collect()
}

/// Spreadsheets add delimiters behind the last column.
fn without_empty_tail(mut cells: Vec<String>, columns: usize) -> Vec<String> {
    while cells.len() > columns && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Table {
        Table::read(bytes, &["name", "seats"]).unwrap()
    }

    #[test]
    fn windows_1252_and_utf_8_are_told_apart() {
        let utf_8 = read("name,seats\nÅngström,1\n".as_bytes());
        let windows = read(b"name,seats\n\xC5ngstr\xF6m,1\n");
        assert_eq!(utf_8.records, windows.records);
        assert_eq!(utf_8, read("\u{feff}name,seats\r\nÅngström,1\r\n".as_bytes()));
    }

    #[test]
    fn the_delimiter_is_found_by_the_header() {
        for text in
            ["name,seats\nA,1\n", "name;seats\nA;1\n", "name\tseats\nA\t1\n", "sep=;\nname;seats\nA;1\n"]
        {
            assert_eq!(read(text.as_bytes()).records[0].cells, ["A", "1"], "{text}");
        }
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let table = read(b"name,seats\n\"two\nlines\",1\n\nB,2\n,,\nC,3,,\n");
        let lines: Vec<u64> = table.records.iter().map(|record| record.line).collect();
        assert_eq!(lines, [2, 5, 7]);
        assert_eq!(table.records[2].cells, ["C", "3"]);
    }

    #[test]
    fn a_workbook_is_refused_with_the_remedy() {
        let problem = Table::read(b"PK\x03\x04\x00\x00", &["name"]).unwrap_err();
        assert!(problem.remedy.contains("CSV UTF-8"));
        assert!(Table::read(b"", &["name"]).unwrap_err().cause.contains("no known column"));
    }
}
