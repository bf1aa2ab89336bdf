package files

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"regexp"
	"slices"

	"anteroom/hooks/kernel"
)

// What a PDF may not hold: programs, other files, forms that send, ways to open something elsewhere without being asked
// (ISO 32000-2, 12.6.4). Links that a person clicks, and the page on which a document opens, are no danger. Each of these
// works only under its own name, as a value or key of an object; objects lie in the file as they are, or in object
// streams, which are inflated here.
var activeNames = []string{"JavaScript", "Launch", "EmbeddedFile", "EmbeddedFiles", "FileAttachment", "RichMedia", "RichMediaContent", "XFA",
	"SubmitForm", "ImportData", "GoToE", "GoToR", "Rendition", "Movie"}

// streamKeys say what a stream is, and how it is read.
var streamKeys = []string{"Type", "N", "First", "Filter", "F", "DecodeParms"}

const (
	maxInflated = 64 << 20 // of all object streams together
	maxObjects  = 200_000
	maxDepth    = 64
)

var (
	pdfHeader  = regexp.MustCompile(`^%PDF-[12]\.[0-9]`)
	pdfObject  = regexp.MustCompile(`(?:^|[^d])obj`) // comments may lie between an object's numbers and the word
	pdfXref    = regexp.MustCompile(`startxref[\x00\t\n\f\r ]+\d+[\x00\t\n\f\r ]+%%EOF`)
	emptyTree  = regexp.MustCompile(`^[\x00\t\n\f\r ]*<<[\x00\t\n\f\r ]*/Names[\x00\t\n\f\r ]*\[[\x00\t\n\f\r ]*\][\x00\t\n\f\r ]*>>`)
	errLocked  = errors.New("encrypted")
	errActive  = errors.New("active content")
	errPDFForm = errors.New("not the structure of a PDF")
)

// checkPDF looks at the structure and for active content. It walks every place that begins like an object, whether the
// table of objects names it or not, so that it sees no less than any reader does.
func checkPDF(data []byte) error {
	switch err := walkPDF(data); {
	case err == nil:
		return nil
	case errors.Is(err, errLocked):
		return kernel.Invalid("FILE_LOCKED", "This PDF is protected with a password. Save it without one and send it again.")
	case errors.Is(err, errActive):
		return kernel.Invalid("FILE_ACTIVE", "This PDF holds programs, attachments or a form that sends. Print it to a PDF and send that.")
	default:
		return brokenFile().Because(err)
	}
}

func walkPDF(data []byte) error {
	tail := data[max(0, len(data)-2048):]
	if !pdfHeader.Match(data) || !pdfXref.Match(tail) || !bytes.Contains(data, []byte("endobj")) {
		return errPDFForm
	}
	if end := tail[bytes.LastIndex(tail, []byte("%%EOF"))+5:]; len(bytes.Trim(end, "\x00\t\n\f\r ")) > 0 {
		return errPDFForm // something of another kind hangs on behind
	}
	if err := refuseActiveNames(data); err != nil {
		return err
	}
	inflated, looked := 0, 0
	objects := pdfObject.FindAllIndex(data, maxObjects+1)
	if len(objects) == 0 || len(objects) > maxObjects {
		return errPDFForm
	}
	for _, o := range objects {
		l := lexer{data: data, at: o[1]}
		dict, err := l.dictionary()
		if looked += l.at - o[1]; err != nil || looked > 4*len(data)+maxDepth {
			return errPDFForm // also when objects begin within objects without end
		}
		if dict == nil || !l.word("stream") {
			continue
		}
		if dict["Type"] != "/ObjStm" && (dict["N"] == "" || dict["First"] == "") {
			continue
		}
		if f := dict["Filter"]; f != "" && f != "/FlateDecode" && f != "[/FlateDecode]" && f != "[]" || dict["F"] != "" ||
			dict["DecodeParms"] != "" && dict["DecodeParms"] != "null" {
			return errPDFForm // what could hide objects from this look
		}
		content := l.data[l.at:]
		if dict["Filter"] == "" || dict["Filter"] == "[]" {
			continue // lies there as it is, and was looked at
		}
		plain, err := inflate(content, maxInflated-inflated)
		if err != nil {
			return err
		}
		inflated += len(plain)
		if err := refuseActiveNames(plain); err != nil {
			return err
		}
	}
	return nil
}

// inflate gives the content of a Flate stream, at most limit bytes. What a damaged end leaves is looked at too, as readers
// do.
func inflate(content []byte, limit int) ([]byte, error) {
	content = bytes.TrimPrefix(bytes.TrimPrefix(content, []byte("\r")), []byte("\n"))
	z, err := zlib.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, errPDFForm
	}
	plain, err := io.ReadAll(io.LimitReader(z, int64(limit)+1))
	if err != nil && len(plain) == 0 || len(plain) > limit {
		return nil, errPDFForm
	}
	return plain, nil
}

// refuseActiveNames looks at every name (ISO 32000-2, 7.3.5), with its #xx spelled out.
func refuseActiveNames(data []byte) error {
	for at := 0; ; {
		i := bytes.IndexByte(data[at:], '/')
		if i < 0 {
			return nil
		}
		var name string
		name, at = nameAt(data, at+i+1)
		if name == "Encrypt" {
			return errLocked
		}
		if name == "EmbeddedFiles" && emptyTree.Match(data[at:min(len(data), at+64)]) {
			continue // common makers write it for a list of none
		}
		if slices.Contains(activeNames, name) {
			return errActive
		}
	}
}

// nameAt reads a name behind its slash; longer ones than any of interest are cut.
func nameAt(data []byte, at int) (string, int) {
	var name []byte
	for ; at < len(data) && !delimits(data[at]); at++ {
		c := data[at]
		if c == '#' && at+2 < len(data) {
			if hi, lo := hexDigit(data[at+1]), hexDigit(data[at+2]); hi >= 0 && lo >= 0 {
				c = byte(hi<<4 | lo) //nolint:gosec // two digits
				at += 2
			}
		}
		if len(name) < 64 {
			name = append(name, c)
		}
	}
	return string(name), at
}

func delimits(c byte) bool { return bytes.IndexByte([]byte("\x00\t\n\f\r ()<>[]{}/%"), c) >= 0 }

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// lexer reads one object (ISO 32000-2, 7.3).
type lexer struct {
	data []byte
	at   int
}

func (l *lexer) space() {
	for l.at < len(l.data) {
		switch c := l.data[l.at]; {
		case c == '%':
			for l.at < len(l.data) && l.data[l.at] != '\n' && l.data[l.at] != '\r' {
				l.at++
			}
		case bytes.IndexByte([]byte("\x00\t\n\f\r "), c) >= 0:
			l.at++
		default:
			return
		}
	}
}

func (l *lexer) word(w string) bool {
	l.space()
	if !bytes.HasPrefix(l.data[l.at:], []byte(w)) {
		return false
	}
	l.at += len(w)
	return true
}

// dictionary reads the keys of a dictionary with the text of their values, names spelled out; nil when the object is
// something else.
func (l *lexer) dictionary() (map[string]string, error) {
	if !l.word("<<") {
		return nil, nil
	}
	out := map[string]string{}
	for {
		if l.word(">>") {
			return out, nil
		}
		if !l.word("/") {
			return nil, errPDFForm
		}
		var key string
		key, l.at = nameAt(l.data, l.at)
		value, err := l.value(0)
		if err != nil {
			return nil, err
		}
		if _, twice := out[key]; twice && slices.Contains(streamKeys, key) {
			return nil, errPDFForm // readers differ in which of the two they take
		}
		out[key] = value
	}
}

// value reads one value. Only what tells about a stream is kept as text: names, numbers, references, lists of them.
func (l *lexer) value(depth int) (string, error) {
	l.space()
	if l.at >= len(l.data) || depth > maxDepth {
		return "", errPDFForm
	}
	switch c := l.data[l.at]; {
	case c == '/':
		var name string
		name, l.at = nameAt(l.data, l.at+1)
		return "/" + name, nil
	case c == '(':
		return "()", l.text()
	case bytes.HasPrefix(l.data[l.at:], []byte("<<")):
		l.at += 2
		for !l.word(">>") {
			if _, err := l.value(depth + 1); err != nil {
				return "", err
			}
		}
		return "<<>>", nil
	case c == '<':
		end := bytes.IndexByte(l.data[l.at:], '>')
		if end < 0 {
			return "", errPDFForm
		}
		l.at += end + 1
		return "<>", nil
	case c == '[':
		l.at++
		list := "["
		for !l.word("]") {
			v, err := l.value(depth + 1)
			if err != nil {
				return "", err
			}
			if len(list) < 64 {
				list += v
			}
		}
		return list + "]", nil
	case delimits(c):
		return "", errPDFForm
	}
	from := l.at
	for l.at < len(l.data) && !delimits(l.data[l.at]) {
		l.at++
	}
	word := string(l.data[from:l.at])
	if ref := pdfReference.FindIndex(l.data[from:min(len(l.data), from+40)]); ref != nil {
		l.at = from + ref[1]
		return string(l.data[from:l.at]), nil
	}
	return word, nil
}

var pdfReference = regexp.MustCompile(`^\d+[\x00\t\n\f\r ]+\d+[\x00\t\n\f\r ]+R`)

// text passes over a string in parentheses.
func (l *lexer) text() error {
	open := 0
	for ; l.at < len(l.data); l.at++ {
		switch l.data[l.at] {
		case '\\':
			l.at++
		case '(':
			open++
		case ')':
			if open--; open == 0 {
				l.at++
				return nil
			}
		}
	}
	return errPDFForm
}
