package variants

import "strings"

// Labels are the labels of the plan's image.
func (p *Plan) Labels() (map[string]string, error) { return labelsOf(p).Encode() }

// OurLabel tells whether a label is one that dlvgen writes.
func OurLabel(name string) bool { return strings.HasPrefix(name, LabelPrefix) }

// LaterLabel tells whether images of the first dlvgens are without a label.
func LaterLabel(name string) bool { return name == LabelFormat || name == LabelPreset }
