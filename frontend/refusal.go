package frontend

import "fmt"

// notGo says that what the image starts is no Go program, and that none that this
// build compiled is in the image either.
func notGo(p *program, img image) error {
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; no program that this build compiled is in the image",
		p, origin(img.config.Config), p.unread)
}

// refusal says why a program cannot be debugged: what it is, which step made it,
// and what to do.
func refusal(p *program, img image, made *production, captures []capture, cause error) error {
	where := "no step of the Dockerfile compiled it: it was copied in ready-made, or compiled by a go command that dlvgen did not see"
	if len(captures) > 0 {
		where = fmt.Sprintf("it was compiled for debugging by %q, and changed afterwards: look for strip, objcopy or upx in a later step", captures[0].step.Name)
	} else if len(made.Steps) == 0 {
		where = "no step of the Dockerfile compiles Go: the program was copied in ready-made, so compile it in the Dockerfile"
	}
	return fmt.Errorf("%s, which the image starts (%s), cannot be debugged: %w; %s", p, origin(img.config.Config), cause, where)
}
