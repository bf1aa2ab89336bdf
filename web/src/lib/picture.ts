import { useQuery } from '@tanstack/react-query';
import { apiBlob } from './pb';
import { useClientId } from './session';

/**
 * The picture at an address of the portal. It wants the token, so an <img> cannot fetch it by itself; it is kept as
 * long as other answers, and dropped with them at sign-out and when the person is switched. Undefined while it is
 * not there, for whatever reason: initials then stand in its place.
 */
export function usePicture(url: string | undefined): Blob | undefined {
  const clientId = useClientId();
  const { data } = useQuery({
    queryKey: ['picture', clientId ?? '', url],
    queryFn: async ({ signal }) => (await apiBlob(url!, { clientId, signal })).blob,
    enabled: url !== undefined,
    staleTime: Infinity, // another picture has another address
  });
  return data;
}
