//! YAML text to a tree, by the events of `saphyr-parser`.
//!
//! A text that is not YAML yields one problem, its first. Everything that is YAML but not ours (duplicate
//! keys, merge keys, tags, several documents) is collected, and the tree is built without it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rempart_base::config::{Context, Key, Mark, Node, Problem, Scalar, Value};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

/// Nodes of one file, where an alias counts as many as it stands for.
pub const NODES_MAX: usize = 4_000_000;

/// Lists and mappings inside each other.
pub const DEPTH_MAX: usize = 32;

/// Reads one file. `None`: there is no tree, and `cx` knows why.
pub fn read(text: &str, cx: &mut Context) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let before = cx.found();
    let mut builder =
        Builder { stack: Vec::new(), root: None, anchors: HashMap::new(), nodes: 0, end: end_of(text), cx };
    let mut parser = Parser::new_from_str(text);
    match builder.build(&mut parser) {
        Ok(()) => {}
        Err(End::Syntax(error)) if builder.cx.found() == before => {
            let message = format!("this is not YAML: {}", error.info());
            builder.cx.error(
                builder.mark(error.marker()),
                Problem::new(
                    "yaml-syntax",
                    message,
                    "Correct the line, or the one above it. A value with `{`, `:`, `!` or quotes in it stands in single \
                     quotes: `'http.host eq \"a\"'`.",
                ),
            );
            return None;
        }
        Err(End::Syntax(_) | End::Reported) => return None,
    }
    if builder.root.is_none() {
        let problem = Problem::new("empty-file", "nothing stands in this file", "Write the configuration.");
        builder.cx.error(Mark::START, problem);
    }
    builder.root
}

struct Builder<'a> {
    stack: Vec<Open>,
    root: Option<Node>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    end: Mark,
    cx: &'a mut Context,
}

/// A list or mapping whose end has not come yet.
struct Open {
    mark: Mark,
    anchor: usize,
    /// Nodes before it, to know its size when it ends.
    nodes_before: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map(Entries),
}

#[derive(Default)]
struct Entries {
    list: Vec<(Key, Node)>,
    /// The keys so far, once there are too many to compare each with each.
    seen: HashSet<Arc<str>>,
    key: Option<PendingKey>,
}

enum PendingKey {
    Taken(Key),
    /// Reported already: its value is dropped.
    Refused,
}

enum End {
    Syntax(ScanError),
    Reported,
}

impl Builder<'_> {
    fn build(&mut self, parser: &mut Parser<'_, StrInput<'_>>) -> Result<(), End> {
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(End::Syntax)?;
            let mark = self.mark(&span.start);
            self.event(event, mark)?;
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, mark: Mark) -> Result<(), End> {
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => Err(self.refuse(
                mark,
                "yaml-unsupported",
                "a second document begins here",
                "Keep one document in a file.",
            )),
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some((node, nodes)) => {
                    self.count(nodes, mark)?;
                    self.place(Node { mark, ..node }, mark)
                }
                None => Err(self.refuse(
                    mark,
                    "yaml-unsupported",
                    "this alias stands inside what it repeats",
                    "Write the content out.",
                )),
            },
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, mark)?;
                self.tag(tag.is_some(), mark);
                let scalar = Scalar { text: text.into(), plain: style == ScalarStyle::Plain };
                let node = Node { mark, value: Value::Scalar(scalar) };
                self.remember(anchor, &node, 1);
                self.place(node, mark)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new()), anchor, tag.is_some(), mark)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Content::Map(Entries::default()), anchor, tag.is_some(), mark)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn open(&mut self, content: Content, anchor: usize, tagged: bool, mark: Mark) -> Result<(), End> {
        self.count(1, mark)?;
        self.tag(tagged, mark);
        if self.stack.len() == DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} lists and mappings are inside each other");
            return Err(self.refuse(mark, "too-deep", &message, "Flatten the file."));
        }
        self.stack.push(Open { mark, anchor, nodes_before: self.nodes - 1, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), End> {
        let Some(open) = self.stack.pop() else { return Ok(()) };
        let value = match open.content {
            Content::List(items) => Value::List(items.into()),
            Content::Map(entries) => Value::Map(entries.list.into()),
        };
        let node = Node { mark: open.mark, value };
        self.remember(open.anchor, &node, self.nodes - open.nodes_before);
        self.place(node, open.mark)
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node, mark: Mark) -> Result<(), End> {
        match self.stack.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Map(entries)) => match entries.key.take() {
                Some(PendingKey::Taken(key)) => entries.list.push((key, node)),
                Some(PendingKey::Refused) => {}
                None => {
                    let key = entries.check(node, mark);
                    match key {
                        Ok(key) => entries.key = Some(key),
                        Err(problem) => {
                            entries.key = Some(PendingKey::Refused);
                            self.error(mark, problem);
                        }
                    }
                }
            },
        }
        Ok(())
    }

    fn remember(&mut self, anchor: usize, node: &Node, nodes: usize) {
        // The parser numbers anchors from 1; 0 is none.
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), nodes));
        }
    }

    fn count(&mut self, nodes: usize, mark: Mark) -> Result<(), End> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message =
            format!("the file has more than {NODES_MAX} values (aliases count as what they repeat)");
        Err(self.refuse(mark, "too-many-values", &message, "Split the file by `include`."))
    }

    fn tag(&mut self, tagged: bool, mark: Mark) {
        if tagged {
            self.refuse(
                mark,
                "yaml-unsupported",
                "YAML tags are not supported",
                "Write the value in quotes, `'!ssl'`; or remove the word, if it is a tag.",
            );
        }
    }

    fn refuse(&mut self, mark: Mark, code: &'static str, message: &str, action: &str) -> End {
        self.error(mark, Problem::new(code, message, action));
        End::Reported
    }

    /// Records an error with the path to where the builder stands.
    fn error(&mut self, mark: Mark, problem: Problem) {
        let mut problem = Some(problem);
        inside(&self.stack, self.cx, &mut |cx| {
            if let Some(problem) = problem.take() {
                cx.error(mark, problem);
            }
        });
    }
}

/// Does something in the context of these open lists and mappings.
fn inside(stack: &[Open], cx: &mut Context, act: &mut dyn FnMut(&mut Context)) {
    let Some((open, deeper)) = stack.split_first() else { return act(cx) };
    match &open.content {
        Content::List(items) => cx.in_item(items.len(), |cx| inside(deeper, cx, act)),
        Content::Map(Entries { key: Some(PendingKey::Taken(key)), .. }) => {
            cx.in_key(&key.text, |cx| inside(deeper, cx, act))
        }
        Content::Map(_) => inside(deeper, cx, act),
    }
}

impl Builder<'_> {
    /// Columns of the parser count from 0, ours from 1; and what is missing at the end of a text without a
    /// final line break it places one line behind.
    fn mark(&self, marker: &Marker) -> Mark {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mark =
            Mark { line: number(marker.line()).max(1), column: number(marker.col()).saturating_add(1) };
        if mark.line > self.end.line { self.end } else { mark }
    }
}

impl Entries {
    fn check(&mut self, key: Node, mark: Mark) -> Result<PendingKey, Problem> {
        let Value::Scalar(scalar) = key.value else {
            let message = "a key is a list or mapping";
            return Err(Problem::new("yaml-unsupported", message, "Write one word as key."));
        };
        if scalar.plain && &*scalar.text == "<<" {
            let message = "merge keys (`<<`) are not supported";
            return Err(Problem::new(
                "yaml-unsupported",
                message,
                "Write the keys out, or repeat a whole value with an alias.",
            ));
        }
        if let Some(first) = self.find(&scalar.text) {
            let message = format!("the key `{}` stands here a second time", scalar.text);
            let expected = format!("each key once; the first is at line {}", first.line);
            return Err(Problem::new("duplicate-key", message, "Remove one of the two.").expecting(expected));
        }
        Ok(PendingKey::Taken(Key { text: scalar.text, mark }))
    }

    fn find(&mut self, text: &Arc<str>) -> Option<Mark> {
        const COMPARED_MAX: usize = 32;
        let known = if self.list.len() < COMPARED_MAX {
            self.list.iter().any(|(key, _)| key.text == *text)
        } else {
            if self.seen.is_empty() {
                self.seen.extend(self.list.iter().map(|(key, _)| Arc::clone(&key.text)));
            }
            !self.seen.insert(Arc::clone(text))
        };
        if !known {
            return None;
        }
        self.list.iter().find(|(key, _)| key.text == *text).map(|(key, _)| key.mark)
    }
}

/// The end of a text.
fn end_of(text: &str) -> Mark {
    let last = text.rsplit(is_break).next().unwrap_or_default();
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Mark {
        line: number(text.matches(is_break).count()).saturating_add(1),
        column: number(last.chars().count()).saturating_add(1),
    }
}

/// YAML breaks lines at a lone carriage return too.
const fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r')
}
