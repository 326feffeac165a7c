package launch

import (
	"fmt"
	"os"
)

// modeVariable is the environment variable that chooses the mode at run time. The
// program does not get to see it.
const modeVariable = "DLVGEN_START"

// mode says what the program does until a client comes.
type mode string

// The modes. An image has modeHold or modeContinue; modeVariable knows them all.
const (
	modeHold     mode = "hold"     // it is held before its first instruction
	modeContinue mode = "continue" // it runs
	modeOff      mode = "off"      // it runs, and there is no debugger
)

// takeMode takes the mode that the container's environment asks for out of it.
// It is empty where nothing is asked for.
func takeMode() (mode, error) {
	asked := mode(os.Getenv(modeVariable))
	if err := os.Unsetenv(modeVariable); err != nil {
		return "", fmt.Errorf("removing %s from the environment: %w", modeVariable, err)
	}
	switch asked {
	case "", modeHold, modeContinue, modeOff:
		return asked, nil
	}
	return "", fmt.Errorf("%s is %q: set it to %q, %q or %q, or unset it", modeVariable, asked, modeHold, modeContinue, modeOff)
}
