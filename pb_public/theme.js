// Runs before the first paint, so that a theme chosen on this device never flashes the other one.
// A file of its own because the content security policy admits no inline script.
try {
  var theme = localStorage.getItem('anteroom.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is switched off: the system's theme applies.
}
