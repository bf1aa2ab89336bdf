import { ExternalLink } from 'lucide-react';
import { useState } from 'react';
import { Button } from '@/components/Button';
import { askElsewhere } from '@/lib/elsewhere';
import { adoptSession } from '@/lib/session';
import { useAuthWords } from './words';

const names: Record<string, string> = { google: 'Google', apple: 'Apple', microsoft: 'Microsoft', facebook: 'Facebook', github: 'GitHub' };

async function signInWith(provider: string): Promise<void> {
  await askElsewhere(provider);
  await adoptSession();
}

/**
 * Sign-in with an account elsewhere, in a window of its own. Whether that window was closed cannot be known here,
 * so nothing is locked while it is open.
 */
export default function OAuthButtons({ providers, onTry }: { providers: string[]; onTry: (way: () => Promise<void>) => Promise<void> }) {
  const { t } = useAuthWords();
  const [waiting, setWaiting] = useState<string>();
  const nameOf = (provider: string) => names[provider] ?? t('oauthOther');
  const press = async (provider: string) => {
    setWaiting(provider);
    await onTry(() => signInWith(provider));
    setWaiting(undefined);
  };
  return (
    <>
      {providers.map((provider) => (
        <Button key={provider} wide icon={ExternalLink} onClick={() => void press(provider)}>
          {t('oauthWith', { name: nameOf(provider) })}
        </Button>
      ))}
      <p role="status" className="text-sm text-ink-2 empty:hidden">
        {waiting && t('oauthWaiting', { name: nameOf(waiting) })}
      </p>
    </>
  );
}
