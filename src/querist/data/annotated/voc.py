"""Pascal VOC XML: one file a picture in `Annotations`, pictures in `JPEGImages`; corners count pixels from 1 and are both inside.

Reference: Everingham et al. 2010, "The Pascal Visual Object Classes (VOC) Challenge", IJCV 88.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat
from xml.sax.saxutils import escape

from querist.core.errors import PoolError
from querist.data.annotated.found import AnnotatedSet, boxes_of, by_stem, number, of_kind, size_of, without_suffix
from querist.data.folders import FolderPool


@dataclass
class Node:
    """An element of an XML file and the line it begins in."""

    name: str
    line: int
    text: str = ""
    children: list[Node] = field(default_factory=list)

    def child(self, name: str) -> Node | None:
        """The first child of this name."""
        return next((child for child in self.children if child.name == name), None)


def read_voc(
    root: str | Path, *, images: str = "JPEGImages", annotations: str = "Annotations", classes: Sequence[str] | None = None, difficult: bool = False
) -> AnnotatedSet:
    """Pictures and boxes of a folder in VOC's layout.

    Args:
        root: The folder with the two below.
        images: Folder of pictures in it.
        annotations: Folder of XML files in it, of the pictures' names.
        classes: Class names in order; by default those that occur, in the order of the alphabet.
        difficult: Keep objects that are marked as difficult; else they are left out and counted.

    Returns:
        Boxes are x1 y1 x2 y2 in pixels from 0, the right and lower edge outside. Pictures without a file are not labelled.

    Raises:
        PoolError: for a broken file; the message names file and line. Document types, and so entities, are refused.
    """
    pool, folder = FolderPool(str(Path(root) / images)), Path(root) / annotations
    stems = by_stem(pool)
    if not folder.is_dir():
        raise PoolError("there is no such folder", got=folder, wanted="a folder of XML files")
    found: dict[str, list[dict[str, Any]]] = {}
    left: Counter[str] = Counter()
    for file in sorted(folder.rglob("*.xml")):
        item = stems.get(without_suffix(file.relative_to(folder).as_posix()))
        if item is None:
            raise PoolError(f"{file} is about a picture that is not there", wanted=f"a picture of that name in {pool.root}")
        found[item] = []
        for node in tree(file).children:
            if node.name == "object":
                label, box, hard = _object(node, file)
                if classes is not None and label not in classes:
                    raise PoolError(f"{file}, line {node.line} names a class that is not in the list", got=label, wanted=", ".join(classes))
                if hard and not difficult:
                    left["difficult"] += 1
                else:
                    found[item].append({"box": box, "label": label})
    names = classes if classes is not None else sorted({one["label"] for value in found.values() for one in value})
    return AnnotatedSet(pool, {item: found[item] for item in pool.ids() if item in found}, tuple(names), "detection", dict(left))


def write_voc(root: str | Path, annotated: AnnotatedSet, *, annotations: str = "Annotations") -> None:
    """Write one XML file for every labelled item; pictures are left where they are.

    Raises:
        UsageError: for labels of another kind, or a class that is not in the list.
    """
    of_kind(annotated, "detection")
    for item, value in annotated.values.items():
        h, w = size_of(annotated.pool, item)
        lines = ["<annotation>", f"  <filename>{escape(item.rpartition('/')[2])}</filename>"]
        lines += [f"  <size><width>{w}</width><height>{h}</height></size>"]
        for one in boxes_of(item, value, annotated.classes):
            x1, y1, x2, y2 = one["box"]
            corners = zip(("xmin", "ymin", "xmax", "ymax"), (x1 + 1, y1 + 1, x2, y2), strict=True)
            box = "".join(f"<{name}>{_plain(place)}</{name}>" for name, place in corners)
            lines.append(f"  <object><name>{escape(one['label'])}</name><difficult>0</difficult><bndbox>{box}</bndbox></object>")
        file = Path(root) / annotations / f"{without_suffix(item)}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join([*lines, "</annotation>", ""]), encoding="utf-8")


def tree(file: Path) -> Node:
    """The elements of an XML file. A document type is refused, so no entity is ever expanded and nothing outside is read.

    Raises:
        PoolError: for a broken file; the message names the line.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    root = Node("", 0)
    open_nodes = [root]

    def begin(name: str, _: Mapping[str, str]) -> None:
        open_nodes[-1].children.append(Node(name, parser.CurrentLineNumber))
        open_nodes.append(open_nodes[-1].children[-1])

    def end(_: str) -> None:
        open_nodes.pop()

    def write(text: str) -> None:
        open_nodes[-1].text += text

    def refuse(*_: Any) -> None:
        raise PoolError(f"{file}, line {parser.CurrentLineNumber} declares a document type or an entity", wanted="plain elements", hint="Remove it.")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = begin, end, write
    parser.StartDoctypeDeclHandler, parser.EntityDeclHandler = refuse, refuse
    try:
        parser.Parse(file.read_bytes(), True)
    except expat.ExpatError as error:
        raise PoolError(f"{file}, line {error.lineno} is not valid XML: {expat.ErrorString(error.code)} at column {error.offset}") from error
    except (OSError, ValueError) as error:
        raise PoolError(f"cannot read {file}: {error}", wanted="an XML file") from error
    if root.children[0].name != "annotation":
        raise PoolError(f"{file}, line {root.children[0].line} is no VOC annotation", got=f"<{root.children[0].name}>", wanted="<annotation>")
    return root.children[0]


def _object(node: Node, file: Path) -> tuple[str, list[float], bool]:
    where = f"{file}, line {node.line}"
    name, box, hard = node.child("name"), node.child("bndbox"), node.child("difficult")
    if name is None or not name.text.strip() or box is None:
        raise PoolError(f"{where} is an object without a name or a box", wanted="<name> and <bndbox>")
    corners = [box.child(corner) for corner in ("xmin", "ymin", "xmax", "ymax")]
    x1, y1, x2, y2 = (number("" if corner is None else corner.text.strip(), f"{file}, line {(corner or box).line}") for corner in corners)
    if x2 < x1 or y2 < y1:
        raise PoolError(f"{file}, line {box.line} has a box that ends before it begins", got=[x1, y1, x2, y2], wanted="xmin ≤ xmax, ymin ≤ ymax")
    return name.text.strip(), [x1 - 1, y1 - 1, x2, y2], hard is not None and hard.text.strip() == "1"


def _plain(place: float) -> str:
    return str(int(place)) if float(place).is_integer() else repr(float(place))
