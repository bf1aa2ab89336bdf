package phi

import "sync"

// writes counts the writes that are between choosing a key and storing what it sealed. A rotation lets those that began
// before it retired the keys come to their end, and so knows that nothing more is stored under a retired key. It is
// read-copy-update: writers never wait.
type writes struct {
	mu      sync.RWMutex
	current *sync.WaitGroup
}

func (w *writes) begin() { w.current = &sync.WaitGroup{} }

// enter counts a write until the function it returns is called.
func (w *writes) enter() (leave func()) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	w.current.Add(1)
	return w.current.Done
}

// settle waits for the writes that have begun. The caller must hold no lock and no transaction: they may need them.
func (w *writes) settle() {
	w.mu.Lock()
	old := w.current
	w.current = &sync.WaitGroup{}
	w.mu.Unlock()
	old.Wait()
}
