//! A kind of table: its columns and how a row becomes cells.

use super::Problem;
use super::cell::{Bad, Reading};
use super::dates::order_of;
use super::read::Table;

/// A row of a table. Written by [`sheet!`](crate::sheet), not by hand.
pub trait Sheet: Default + Clone + Sized {
    /// Names in the order in which they are written. A name may come twice; the n-th one in a file is the n-th one here.
    const COLUMNS: &'static [&'static str];
    /// Which of them are dates.
    const DATES: &'static [bool];
    fn cells(&self) -> Vec<String>;
    /// Sets one column from its text.
    fn set(&mut self, column: usize, text: &str, reading: &Reading) -> Result<(), Bad>;
}

/// Declares a row type with its columns: `"column" field: Type`, in the order in which they are written.
#[macro_export]
macro_rules! sheet {
    ($(#[$doc:meta])* $vis:vis struct $name:ident { $($(#[$field_doc:meta])* $column:literal $field:ident: $kind:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        $vis struct $name { $($(#[$field_doc])* $vis $field: $kind,)* }

        impl $crate::tables::Sheet for $name {
            const COLUMNS: &'static [&'static str] = &[$($column),*];
            const DATES: &'static [bool] = &[$(<$kind as $crate::tables::Cell>::DATE),*];

            fn cells(&self) -> Vec<String> {
                vec![$($crate::tables::Cell::write(&self.$field)),*]
            }

            fn set(
                &mut self,
                column: usize,
                text: &str,
                reading: &$crate::tables::Reading,
            ) -> Result<(), $crate::tables::Bad> {
                let mut at = 0..;
                $(if at.next() == Some(column) {
                    self.$field = $crate::tables::Cell::read(text, reading)?;
                    return Ok(());
                })*
                Ok(())
            }
        }
    };
}

/// One row of a file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<T> {
    /// Where it begins, counted from 1.
    pub line: u64,
    pub row: T,
    /// Cells of the columns that people added, in the order of [`SheetFile::extra_columns`].
    pub extra: Vec<String>,
}

/// A file that was read: the good rows, and what is wrong with the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetFile<T> {
    pub lines: Vec<Line<T>>,
    /// Columns that people added: kept, and given back.
    pub extra_columns: Vec<String>,
    pub problems: Vec<Problem>,
    /// Rows with a problem, as far as they could be read: they must not vanish.
    pub rejected: Vec<Line<T>>,
}

/// Where each column of the file goes.
enum Place {
    Known(usize),
    Extra,
    Dropped,
}

/// Reads a file's bytes. A missing column out of `required` is one problem that names it, and then there are no rows.
/// Columns named in `elsewhere` belong to a table made of this one: they are left out instead of kept.
pub fn read_sheet<T: Sheet>(bytes: &[u8], required: &[&str], elsewhere: &[&str]) -> SheetFile<T> {
    let mut file = SheetFile {
        lines: Vec::new(),
        extra_columns: Vec::new(),
        problems: Vec::new(),
        rejected: Vec::new(),
    };
    let table = match Table::read(bytes, T::COLUMNS) {
        Ok(table) => table,
        Err(problem) => {
            file.problems.push(problem);
            return file;
        }
    };
    for name in required.iter().filter(|name| !table.header.iter().any(|column| column == *name)) {
        file.problems.push(Problem {
            line: 1,
            column: Some((*name).to_owned()),
            cause: "this column is missing".to_owned(),
            remedy: "Put it back, or start from the file as it was written".to_owned(),
        });
    }
    if !file.problems.is_empty() {
        return file;
    }
    let places = places::<T>(&table.header, elsewhere);
    for (name, place) in table.header.iter().zip(&places) {
        if matches!(place, Place::Extra) {
            file.extra_columns.push(name.clone());
        }
    }
    let reading = Reading { day_order: order_of(dates::<T>(&table, &places)) };
    for record in &table.records {
        let mut line = Line { line: record.line, row: T::default(), extra: Vec::new() };
        match fill(&mut line, &record.cells, &table.header, &places, &reading) {
            Ok(()) => file.lines.push(line),
            Err(problems) => {
                file.problems.extend(problems);
                file.rejected.push(line);
            }
        }
    }
    file
}

fn places<T: Sheet>(header: &[String], elsewhere: &[&str]) -> Vec<Place> {
    let mut taken = vec![false; T::COLUMNS.len()];
    let place = |name: &String| {
        let free = |(at, column): (usize, &&str)| (*column == name && !taken[at]).then_some(at);
        match T::COLUMNS.iter().enumerate().find_map(free) {
            Some(at) => {
                taken[at] = true;
                Place::Known(at)
            }
            None if T::COLUMNS.contains(&name.as_str()) || elsewhere.contains(&name.as_str()) => {
                Place::Dropped
            }
            None => Place::Extra,
        }
    };
    header.iter().map(place).collect()
}

fn dates<'a, T: Sheet>(table: &'a Table, places: &'a [Place]) -> impl Iterator<Item = &'a str> {
    table.records.iter().flat_map(move |record| {
        let dates = record.cells.iter().zip(places);
        dates.filter_map(|(cell, place)| match place {
            Place::Known(at) if T::DATES[*at] => Some(cell.as_str()),
            _ => None,
        })
    })
}

fn fill<T: Sheet>(
    line: &mut Line<T>,
    cells: &[String],
    header: &[String],
    places: &[Place],
    reading: &Reading,
) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    let mut note = |column: Option<&String>, Bad { cause, remedy }: Bad| {
        problems.push(Problem { line: line.line, column: column.cloned(), cause, remedy });
    };
    if cells.len() > header.len() {
        let cause = format!("the row has {} cells, the header {}", cells.len(), header.len());
        note(None, Bad::new(cause, "Put quotes around a cell that holds the delimiter"));
    }
    let empty = String::new();
    for (at, (name, place)) in header.iter().zip(places).enumerate() {
        let cell = cells.get(at).unwrap_or(&empty);
        match place {
            Place::Known(column) => {
                if let Err(bad) = line.row.set(*column, cell, reading) {
                    note(Some(name), bad);
                }
            }
            Place::Extra => line.extra.push(cell.clone()),
            Place::Dropped => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Style, sheet_bytes};
    use jiff::civil::{Date, date};

    crate::sheet! {
        /// A table with one name twice, as the report has.
        struct Row {
            "name" name: String,
            "reason" first: String,
            "seats" seats: Option<u32>,
            "day" day: Option<Date>,
            "reason" second: String,
        }
    }

    fn row() -> Row {
        Row {
            name: "=cmd(), \"Älv\";\nAB".to_owned(),
            first: "one".to_owned(),
            seats: Some(25),
            day: Some(date(2020, 4, 3)),
            second: "-two".to_owned(),
        }
    }

    fn rows(text: &str) -> SheetFile<Row> {
        read_sheet(text.as_bytes(), &["name"], &["verdict"])
    }

    #[test]
    fn what_is_written_is_read_back_unchanged_with_every_delimiter() {
        for delimiter in [b',', b';', b'\t'] {
            let bytes = sheet_bytes(&[row()], &[], &[], Style { delimiter });
            assert!(bytes.starts_with("\u{feff}".as_bytes()));
            let file: SheetFile<Row> = read_sheet(&bytes, &["name"], &[]);
            assert_eq!(file.problems, Vec::new());
            assert_eq!(file.lines[0].row, row());
        }
    }

    #[test]
    fn columns_may_be_moved_added_and_removed() {
        let file = rows("color,day,NAME \r\nred,2020-12-31,Fabrikam\r\n");
        assert_eq!(file.extra_columns, ["color"]);
        assert_eq!(file.lines[0].extra, ["red"]);
        assert_eq!(file.lines[0].row.name, "Fabrikam");
        assert_eq!(file.lines[0].row.day, Some(date(2020, 12, 31)));
        assert_eq!(file.lines[0].row.seats, None);
    }

    #[test]
    fn a_required_column_that_is_missing_is_one_problem_that_names_it() {
        let file = rows("seats\n1\n2\n");
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].column.as_deref(), Some("name"));
        assert!(file.lines.is_empty());
    }

    #[test]
    fn a_bad_row_names_its_place_and_the_good_ones_go_on() {
        let file = rows("name;seats\nA;1\nB;many\nC;3\n");
        let names: Vec<&str> = file.lines.iter().map(|line| line.row.name.as_str()).collect();
        assert_eq!(names, ["A", "C"]);
        assert_eq!((file.problems[0].line, file.problems[0].column.as_deref()), (3, Some("seats")));
        assert_eq!(
            file.problems[0].to_string(),
            "line 3, column seats: `many` is not a whole number. Write digits only, such as 25"
        );
    }

    #[test]
    fn the_day_order_is_taken_from_the_whole_file() {
        let file = rows("name,day\nA,03/04/2020\nB,31/12/2020\n");
        assert_eq!(file.lines[0].row.day, Some(date(2020, 4, 3)));
    }

    #[test]
    fn the_second_column_of_a_name_is_the_second_one() {
        let file = rows("reason,name,reason,verdict\nfirst,A,second,completed\n");
        assert_eq!(file.lines[0].row.first, "first");
        assert_eq!(file.lines[0].row.second, "second");
        assert!(file.extra_columns.is_empty(), "a column of a table made of this one is not an added one");
    }

    #[test]
    fn a_row_with_too_many_cells_is_a_problem() {
        let file = rows("name,seats\nA,1,2\nB\n");
        assert!(file.problems[0].cause.contains("3 cells"));
        assert_eq!(file.lines[0].row.name, "B");
    }
}
