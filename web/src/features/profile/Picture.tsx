import { ImagePlus } from 'lucide-react';
import { lazy, Suspense, useEffect, useRef, useState, type ChangeEvent } from 'react';
import { Banner } from '@/components/Banner';
import { Actions, Button } from '@/components/Button';
import { Card, ProgressBar, Section } from '@/components/Card';
import { Failure } from '@/components/Failure';
import { Avatar } from '@/components/Icon';
import { useToast } from '@/components/Toast';
import { initials } from '@/lib/format';
import { api } from '@/lib/pb';
import { usePicture } from '@/lib/picture';
import { useProven } from '@/lib/proof';
import { useInvalidate } from '@/lib/query';
import { checkSession, useActingFor } from '@/lib/session';
import type { Profile } from '@/lib/types';
import { upload } from '@/lib/upload';
import { useUploadRefusals } from '@/lib/uploadWords';
import { useProfileWords } from './words';

// Asked for by few: its code comes with the question.
const ConfirmDialog = lazy(async () => ({ default: (await import('@/components/ConfirmDialog')).ConfirmDialog }));

/** What the server can draw anew. A phone offers its camera by itself. */
const kinds = 'image/jpeg,image/png,image/webp,image/gif';

/** `waiting`: the server has the file and has not finished checking it. */
type Step = { at: 'rest' } | { at: 'chosen'; file: File } | { at: 'sending'; file: File; share: number } | { at: 'waiting' };

/** Chosen, looked at, and only then sent. */
export function PictureSection({ profile }: { profile: Profile }) {
  const { t } = useProfileWords();
  const { forSomeoneElse } = useActingFor();
  const toast = useToast();
  const changed = useChanged();
  const says = useUploadRefusals(t('pictureKinds'));
  const input = useRef<HTMLInputElement>(null);
  const sending = useRef<AbortController>(undefined);
  const [step, setStep] = useState<Step>({ at: 'rest' });
  const [failed, setFailed] = useState<Error>();
  const [removing, setRemoving] = useState(false);
  const remove = useProven(() => api<unknown>('profile/avatar', { method: 'DELETE' }));
  const kept = usePicture(profile.avatarUrl);
  const shown = 'file' in step ? step.file : kept;

  // Who leaves the page does not want it any more.
  useEffect(() => () => sending.current?.abort(), []);

  const choose = () => input.current?.click();
  const onChosen = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = ''; // the same file may be chosen again
    if (!file) return;
    setFailed(undefined);
    setStep({ at: 'chosen', file });
  };
  const send = async (file: File) => {
    const { signal } = (sending.current = new AbortController());
    setFailed(undefined);
    setStep({ at: 'sending', file, share: 0 });
    try {
      const { scan } = await upload<{ avatarUrl: string; scan: string }>('profile/avatar', file, { signal, onProgress: (share) => setStep({ at: 'sending', file, share }) });
      await changed();
      setStep({ at: scan === 'clean' ? 'rest' : 'waiting' });
      if (scan === 'clean') toast(t('pictureSaved'));
    } catch (error) {
      if (signal.aborted) return setStep({ at: 'rest' });
      setFailed(error as Error);
      setStep({ at: 'rest' });
    }
  };
  const takeAway = async () => {
    if (!(await remove.run())) return;
    setRemoving(false);
    setStep({ at: 'rest' });
    toast(t('pictureRemoved'));
    await changed();
  };

  return (
    <Section title={forSomeoneElse ? t('pictureOf', { name: profile.firstName }) : t('picture')}>
      <Card>
        <Failure error={failed} says={says} className="mb-4" />
        {step.at === 'waiting' && (
          <Banner announce="status" className="mb-4">
            {t('pictureWaiting')}
          </Banner>
        )}
        <div className="flex flex-wrap items-center gap-x-6 gap-y-4">
          <Avatar initials={initials(profile)} picture={shown} size="large" />
          <div className="min-w-0 flex-[1_1_14rem]">
            <p className="text-sm text-ink-2">{t(step.at === 'chosen' ? 'pictureChosen' : 'pictureAbout')}</p>
            {step.at === 'sending' && <Sending share={step.share} />}
            <Actions className="mt-3">
              {step.at === 'chosen' && (
                <Button small variant="primary" onClick={() => void send(step.file)}>
                  {t('pictureUse')}
                </Button>
              )}
              {step.at === 'sending' ? (
                <Button small variant="quiet" onClick={() => sending.current?.abort()}>
                  {t('cancel')}
                </Button>
              ) : (
                <Button small variant={step.at === 'chosen' ? 'quiet' : 'secondary'} icon={step.at === 'chosen' ? undefined : ImagePlus} onClick={choose}>
                  {t(step.at === 'chosen' ? 'pictureOther' : kept ? 'pictureReplace' : 'pictureAdd')}
                </Button>
              )}
              {step.at === 'chosen' && (
                <Button small variant="quiet" onClick={() => setStep({ at: 'rest' })}>
                  {t('cancel')}
                </Button>
              )}
              {(step.at === 'waiting' || (step.at === 'rest' && profile.avatarUrl)) && (
                <Button small variant="quiet" onClick={() => setRemoving(true)}>
                  {t('pictureRemove')}
                </Button>
              )}
            </Actions>
          </div>
        </div>
        <input ref={input} type="file" accept={kinds} hidden aria-label={t('pictureAdd')} onChange={onChosen} />
      </Card>
      {removing && (
        <Suspense>
          <ConfirmDialog
            title={t('pictureRemoveTitle')}
            action={t('pictureRemoveYes')}
            busyLabel={t('pictureRemoving')}
            keep={t('pictureKeep')}
            act={remove}
            onConfirm={takeAway}
            onClose={() => setRemoving(false)}
          >
            {t('pictureRemoveBody')}
          </ConfirmDialog>
        </Suspense>
      )}
    </Section>
  );
}

/** How far it is; once all has left, the server looks at it. */
function Sending({ share }: { share: number }) {
  const { t, language } = useProfileWords();
  const percent = new Intl.NumberFormat(language, { style: 'percent' }).format(share);
  return (
    <div className="mt-3 flex items-center gap-3 text-sm">
      <ProgressBar value={share} of={1} />
      <span aria-hidden={share < 1}>{share < 1 ? t('pictureSending', { percent }) : t('pictureChecking')}</span>
      <span role="status" className="sr-only">
        {t(share < 1 ? 'sending' : 'pictureChecking')}
      </span>
    </div>
  );
}

/** The picture stands on this page and, by way of the session, in the header of every page. */
function useChanged(): () => Promise<void> {
  const invalidate = useInvalidate();
  return async () => {
    await Promise.all([invalidate('profile'), checkSession().catch(() => undefined)]);
  };
}
